import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.permutohedral import Lattice, gaussian_sum, lattice
from cqb_weak.permutohedral.simplex import enclosing_simplex, vertices


def drawn(b=2, n=30, d=3, c=4, dtype=torch.float64, seed=0, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(b, n, d, generator=generator, dtype=dtype) * spread
    return features, torch.randn(b, n, c, generator=generator, dtype=dtype)


def obvious(features, values, transposed=False):
    """A dictionary of vertices for each image, as the paper tells it."""
    out = torch.zeros_like(values)
    for image, (points, rows) in enumerate(zip(features, values, strict=True)):
        origin, rank, weights = enclosing_simplex(points)
        corners, d = vertices(origin, rank), points.shape[-1]
        table = {}
        for pixel, corner in itertools.product(range(len(points)), range(d + 1)):
            key = tuple(corners[pixel, corner].tolist())
            table[key] = table.get(key, 0) + weights[pixel, corner] * rows[pixel]
        for axis in reversed(range(d + 1)) if transposed else range(d + 1):
            step = np.ones(d + 1, int)
            step[axis] = -d
            table = {
                key: own + sum(table.get(tuple((np.array(key) + sign * step).tolist()), 0) for sign in (1, -1)) / 2
                for key, own in table.items()
            }
        for pixel, corner in itertools.product(range(len(points)), range(d + 1)):
            out[image, pixel] += weights[pixel, corner] * table[tuple(corners[pixel, corner].tolist())]
    return out / (1 + 2.0 ** -features.shape[-1])


def test_one_pixel_in_one_dimension():
    """It sits on a vertex. Each of two blurs hands half to the second vertex and back: (1 + 1/4) / (1 + 1/2)."""
    built = Lattice.of(torch.zeros(1, 1, 1))
    assert built.vertices == 2
    torch.testing.assert_close(built.apply(torch.ones(1, 1, 1)), torch.full((1, 1, 1), 5 / 6))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_the_filter_equals_a_dictionary_of_vertices(d, transposed):
    features, values = drawn(d=d, c=2, n=25)
    torch.testing.assert_close(
        Lattice.of(features).apply(values, transposed), obvious(features, values, transposed), rtol=1e-9, atol=1e-9
    )


def test_a_lattice_too_wide_to_pack_hashes_its_keys():
    features, values = drawn(d=9, n=12, spread=1e4)
    features[:, 6:] = features[:, :6] + 0.05
    product = lattice._strides(enclosing_simplex(features)[0])[0]
    assert product.abs().max() > 2**55
    torch.testing.assert_close(Lattice.of(features).apply(values), obvious(features, values), rtol=1e-9, atol=1e-9)


def test_images_of_a_batch_do_not_meet():
    features, values = drawn(b=3)
    alone = torch.cat([Lattice.of(features[i : i + 1]).apply(values[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(Lattice.of(features).apply(values), alone)


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(12)), st.integers(0, 1000))
def test_the_order_of_pixels_does_not_matter(order, seed):
    features, values = drawn(n=12, seed=seed)
    order = list(order)
    torch.testing.assert_close(
        Lattice.of(features[:, order]).apply(values[:, order]), Lattice.of(features).apply(values)[:, order]
    )


def test_gradient_is_the_transposed_filter():
    features, values = drawn(n=8, d=2, c=2)
    built = Lattice.of(features)
    assert torch.autograd.gradcheck(built.apply, values.requires_grad_())
    assert torch.autograd.gradgradcheck(built.apply, values)


def test_transposed():
    features, values = drawn(n=60)
    built, others = Lattice.of(features), values.flip(1)
    one, two = (others * built.apply(values)).sum(), (values * built.apply(others, transposed=True)).sum()
    torch.testing.assert_close(one, two)
    assert not torch.allclose(built.apply(values), built.apply(values, transposed=True))


@pytest.mark.parametrize("seed", range(3))
def test_on_photographs_the_filter_is_almost_symmetric(seed):
    built = Lattice.of(photograph((32, 40), seed))
    one, two = torch.rand(2, 1, 32 * 40, 1, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close((one * built.apply(two)).sum(), (two * built.apply(one)).sum(), rtol=0.01, atol=0)


def photograph(size, seed):
    """A smooth picture with a little noise, as features of a bilateral kernel."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 8, generator=generator)
    colours = torch.nn.functional.interpolate(coarse, size, mode="bicubic", align_corners=False) * 255
    colours = colours + torch.randn(colours.shape, generator=generator) * 4
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    return torch.cat([torch.stack([x, y])[None] / 25, colours / 15], 1).flatten(2).mT


@pytest.mark.parametrize("seed", range(3))
def test_normalised_it_is_near_the_exact_gaussian(seed):
    """Smooth values differ by 2 % of their range in the mean; without normalisation the lattice gives about half."""
    features = photograph((48, 64), seed)
    built, ones = Lattice.of(features), torch.ones(1, 48 * 64, 1)
    values = torch.sin(features[..., :3])
    ours = built.apply(values) / built.apply(ones)
    exact = gaussian_sum(features, values) / gaussian_sum(features, ones)
    assert (ours - exact).abs().mean() < 0.02 * (values.max() - values.min())
    assert torch.corrcoef(torch.stack([ours.flatten(), exact.flatten()]))[0, 1] > 0.98
    assert 0.35 < (built.apply(ones).sum() / gaussian_sum(features, ones).sum()).item() < 0.75


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_half_values_are_filtered_in_float32(dtype):
    features, values = drawn(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        out = Lattice.of(features).apply(values.to(dtype))
    torch.testing.assert_close(out, Lattice.of(features).apply(values.to(dtype).float()))


@pytest.mark.parametrize(("b", "n", "c"), [(0, 3, 2), (2, 0, 2), (2, 3, 0)])
def test_empty_batches(b, n, c):
    values = torch.zeros(b, n, c, requires_grad=True)
    out = Lattice.of(torch.zeros(b, n, 2)).apply(values)
    out.sum().backward()
    assert out.shape == values.grad.shape == (b, n, c)


@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        (torch.zeros(3, 2), ValueError, r"features: wanted shape \(b, n, d\), got \(3, 2\)"),
        (torch.zeros(1, 3, 0), ValueError, r"features: wanted at least one feature a pixel, got shape \(1, 3, 0\)"),
        (
            torch.zeros(1, 3, 2, dtype=torch.int32),
            TypeError,
            r"features: wanted floating-point numbers, got torch.int32",
        ),
        (torch.full((1, 3, 2), torch.nan), ValueError, r"features: wanted finite numbers, got a NaN or an infinity"),
    ],
)
def test_bad_features(features, error, message):
    """By the checks alone: the tests' own type checker would come first."""
    with pytest.raises(error, match=message):
        lattice._check(features)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (torch.zeros(1, 4, 2), ValueError, r"values: wanted shape \(b=1, n=3, c\), got \(1, 4, 2\)"),
        (torch.zeros(1, 3, 2, device="meta"), ValueError, r"one device, got values on meta, lattice on cpu"),
    ],
)
def test_bad_values(values, error, message):
    built = Lattice.of(torch.zeros(1, 3, 2))
    with pytest.raises(error, match=message):
        built._check(values)
