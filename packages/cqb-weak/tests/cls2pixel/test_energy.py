import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from cqb_weak.cls2pixel import DenseEnergy, dense_energy

REFERENCE = Path(os.environ.get("CQB_REFERENCE", Path(__file__).resolve().parents[4].parent / "shared" / "reference"))


def drawn(b=2, k=3, h=5, w=6, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(b, k, h, w, generator=generator, dtype=dtype)
    return logits.softmax(1), torch.rand(b, 3, h, w, generator=generator, dtype=dtype) * 255


def crf_inputs(seed=1, n=2, k=4, h=48, w=64):
    """The recipe behind the reference's numbers: blocks of colour, probabilities, valid pixels, labels."""
    rs = np.random.RandomState(seed)
    image = rs.randint(0, 256, (n, 3, h // 8, w // 8)).repeat(8, 2).repeat(8, 3).astype(np.float32)
    image = np.clip(image + rs.randint(-8, 9, image.shape), 0, 255).astype(np.float32)
    z = (rs.randn(n, k, h, w) * 1.5).astype(np.float32)
    e = np.exp(z - z.max(1, keepdims=True))
    valid = np.ones((n, h, w), bool)
    valid[0, :, w - 8 :] = False
    valid[1, h - 8 :] = False
    labels = rs.randint(0, k, (n, 1, h // 8, w // 8)).repeat(8, 2).repeat(8, 3)
    labels[rs.rand(n, 1, h // 8, w // 8).repeat(8, 2).repeat(8, 3) < 0.4] = 255
    return tuple(map(torch.from_numpy, (image, (e / e.sum(1, keepdims=True)).astype(np.float32), valid, labels[:, 0])))


def obvious(probabilities, image, xy, rgb, gate=None):
    """Loops over pairs; also 1' A 1."""
    b, _, h, w = probabilities.shape
    energy, mass = torch.zeros(b, dtype=probabilities.dtype), torch.zeros(b, dtype=probabilities.dtype)
    pixels = [(y, x) for y in range(h) for x in range(w)]
    for number in range(b):
        for y, x in pixels:
            for v, u in pixels:
                far = ((y - v) ** 2 + (x - u) ** 2) / xy**2
                colour = (image[number, :, y, x] - image[number, :, v, u]).square().sum() / rgb**2
                near = torch.exp(-(far + colour) / 2)
                weight = 1.0 if gate is None else gate[number, y, x]
                energy[number] -= (
                    weight * near * (probabilities[number, :, y, x] * probabilities[number, :, v, u]).sum()
                )
                mass[number] += near
    return energy, mass


@pytest.mark.parametrize("gated", [False, True])
def test_energy_equals_a_loop_over_pairs(gated):
    probabilities, image = drawn(h=3, w=4)
    gate = torch.rand(2, 3, 4, dtype=torch.float64) if gated else None
    energy, mass = obvious(probabilities, image, 5.0, 40.0, gate)
    plain = DenseEnergy(xy=5.0, rgb=40.0, normalise=False)(probabilities, image, gate=gate)
    torch.testing.assert_close(plain, energy)
    torch.testing.assert_close(DenseEnergy(xy=5.0, rgb=40.0)(probabilities, image, gate=gate), energy / mass)


def test_one_sure_class_is_the_least_and_chance_is_one_in_k():
    image = torch.rand(1, 3, 8, 8) * 255
    sure = torch.zeros(1, 4, 8, 8)
    sure[:, 2] = 1
    torch.testing.assert_close(dense_energy(sure, image), torch.tensor([-1.0]))
    torch.testing.assert_close(dense_energy(torch.full_like(sure, 0.25), image), torch.tensor([-0.25]))


@pytest.mark.parametrize("kind", ["exact", "lattice"])
@pytest.mark.parametrize("gated", [False, True])
def test_gradcheck(kind, gated):
    probabilities, image = drawn(h=3, w=4)
    energy = DenseEnergy(xy=5.0, rgb=40.0, filter=kind)
    probabilities.requires_grad_()
    if not gated:
        assert torch.autograd.gradcheck(lambda p: energy(p, image), probabilities)
    else:
        gate = torch.rand(2, 3, 4, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda p, g: energy(p, image, gate=g), (probabilities, gate))


def test_padding_has_no_influence():
    probabilities, image = drawn(w=8)
    valid = torch.ones(2, 5, 8, dtype=torch.bool)
    valid[..., 5:] = False
    cut = dense_energy(probabilities[..., :5], image[..., :5])
    image[..., 5:] = 0
    torch.testing.assert_close(dense_energy(probabilities, image, valid), cut)


def test_an_image_without_valid_pixels_is_zero():
    probabilities, image = drawn()
    probabilities.requires_grad_()
    valid = torch.zeros(2, 5, 6, dtype=torch.bool)
    valid[0] = True
    energy = dense_energy(probabilities, image, valid)
    energy.sum().backward()
    assert energy[1] == 0
    assert probabilities.grad[1].eq(0).all()
    assert probabilities.grad[0].ne(0).any()


def test_no_images():
    probabilities = torch.zeros(0, 3, 4, 4, requires_grad=True)
    energy = dense_energy(probabilities, torch.zeros(0, 3, 8, 8))
    energy.sum().backward()
    assert energy.shape == (0,)


@pytest.mark.parametrize(
    ("size", "side", "grid"),
    [((800, 1333), 64, (38, 64)), ((48, 64), 64, (48, 64)), ((30, 20), 64, (30, 20)), ((480, 360), None, (480, 360))],
)
def test_grid(size, side, grid):
    assert DenseEnergy(side=side).grid(size) == grid


def test_the_normalised_energy_hardly_depends_on_the_grid():
    """The plain sum grows x 16 when the side doubles."""
    small, picture = drawn(1, 3, 12, 12, dtype=torch.float32)
    picture = picture / 8
    image, probabilities = (interpolate(x, (48, 48), mode="bicubic") for x in (picture, small))
    both = [DenseEnergy(side=side)(probabilities, image).item() for side in (24, 48)]
    assert both[0] == pytest.approx(both[1], rel=0.03)
    plain = [DenseEnergy(side=side, normalise=False)(probabilities, image).item() for side in (24, 48)]
    assert plain[1] / plain[0] == pytest.approx(16, rel=0.3)


@settings(deadline=None, max_examples=15)
@given(
    st.permutations(range(3)), st.booleans(), st.booleans(), st.sampled_from(["exact", "lattice"]), st.integers(0, 99)
)
def test_permutations_and_flips(order, swapped, mirrored, kind, seed):
    probabilities, image = drawn(seed=seed)
    energy = DenseEnergy(xy=5.0, rgb=60.0, filter=kind)
    images, axes = [1, 0] if swapped else [0, 1], [3] if mirrored else []
    moved = energy(probabilities[images][:, list(order)].flip(axes), image[images].flip(axes))
    # A mirrored image lies elsewhere in the lattice.
    tolerance = {"rtol": 0.05, "atol": 0.0} if kind == "lattice" and mirrored else {}
    torch.testing.assert_close(moved, energy(probabilities, image)[images], **tolerance)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_half(dtype):
    probabilities, image = drawn(dtype=torch.float32)
    with torch.autocast("cpu", dtype):
        half = dense_energy(probabilities.to(dtype), image)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, dense_energy(probabilities, image), rtol=1e-2, atol=0)


SUMS = {"lattice": (-1062.74169921875, -8343.898984491825), "exact": (-2193.0135564078764, None)}


@pytest.mark.parametrize("kind", SUMS)
def test_public_rloss(kind):
    """resampling="reference", normalise=False restore it, at scale 0.5 of 64 pixels. Its gradient is -2 A P."""
    image, probabilities, valid, _ = crf_inputs()
    probabilities.requires_grad_()
    energy = DenseEnergy(side=32, filter=kind, normalise=False, resampling="reference")(probabilities, image, valid)
    energy.mean().backward()
    loss, gradient = SUMS[kind]
    assert energy.mean().item() == pytest.approx(loss, rel=1e-4)
    if gradient is not None:
        assert probabilities.grad.sum().item() == pytest.approx(gradient, rel=1e-4)
        assert probabilities.grad.norm().item() == pytest.approx(58.718328240112065, rel=1e-3)


@pytest.mark.parametrize(("kind", "loss"), [("exact", -1598.335611621928), ("lattice", -774.6502685546875)])
def test_public_rrm(kind, loss):
    """`gate` restores RRM: 1 where the label is 255, else max(0, valid - max P), on the half-size grid."""
    image, probabilities, valid, labels = crf_inputs()
    half = interpolate(probabilities, scale_factor=0.5, mode="bilinear", align_corners=False)
    image, valid, labels = image[..., ::2, ::2], valid[:, ::2, ::2], labels[:, ::2, ::2]
    gate = torch.where(labels == 255, 1.0, (valid.float() - half.amax(1)).clamp(min=0))
    energy = DenseEnergy(xy=50.0, side=None, filter=kind, normalise=False)(half, image, valid, gate)
    assert energy.mean().item() == pytest.approx(loss, rel=1e-4)


def test_normalised_both_filters_agree():
    image, probabilities, valid, _ = crf_inputs()
    exact, lattice = (
        DenseEnergy(side=32, filter=kind, resampling="reference")(probabilities, image, valid)
        for kind in ("exact", "lattice")
    )
    torch.testing.assert_close(lattice, exact, rtol=0.03, atol=0)


def test_the_numbers_above_are_the_reference_s():
    path = REFERENCE / "oracles.json"
    if not path.is_file():
        pytest.skip("no oracles.json: set CQB_REFERENCE to its folder")
    oracles = json.loads(path.read_text())["oracles"]
    rloss, rrm = oracles["rloss_densecrf"]["result"], oracles["rrm_dense_energy"]["result"]
    assert (rloss["loss_weight1"], rloss["grad_probs"]["sum"]) == SUMS["lattice"]
    assert rloss["exact_gaussian_loss_weight1"] == SUMS["exact"][0]
    assert (rrm["exact_gaussian_loss_weight1"], rrm["loss_weight1"]) == (-1598.335611621928, -774.6502685546875)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"image": torch.zeros(1, 3, 4, 4)}, ValueError, r"image: wanted shape \(b=2, 3, H, W\), got \(1, 3, 4, 4\)"),
        ({"image": torch.zeros(2, 3, 4, 4).byte()}, TypeError, "image: wanted floating-point numbers, got torch.uint8"),
        ({"valid": torch.ones(2, 5, 5).bool()}, ValueError, r"valid: wanted shape \(b=2, H=4, W=4\), got \(2, 5, 5\)"),
        ({"valid": torch.ones(2, 4, 4)}, TypeError, "valid: wanted bool, got torch.float32"),
        ({"gate": torch.ones(2, 4, 4).bool()}, TypeError, "gate: wanted floating-point numbers, got torch.bool"),
        (
            {"image": torch.zeros(2, 3, 4, 4, device="meta")},
            ValueError,
            "one device, got probabilities on cpu, image on meta",
        ),
    ],
)
def test_bad_arguments(changed, error, message):
    """By the checks alone: the tests' own type checker would come first."""
    given = {"image": torch.zeros(2, 3, 4, 4), "valid": None, "gate": None, **changed}
    with pytest.raises(error, match=message):
        DenseEnergy._check(torch.zeros(2, 3, 4, 4), **given)


def test_numbers_that_are_not_finite():
    probabilities, image = drawn()
    probabilities[1, 2, 3, 4] = torch.nan
    with pytest.raises(ValueError, match=r"probabilities: wanted finite numbers, got nan at \(1, 2, 3, 4\)"):
        dense_energy(probabilities, image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": "fast"}, "filter: wanted one of exact, lattice, got 'fast'"),
        ({"resampling": "nearest"}, "resampling: wanted one of average, reference, got 'nearest'"),
        ({"xy": -1.0}, "xy: wanted a positive standard deviation, got -1.0"),
        ({"side": 0}, "side: wanted a positive number of pixels or none, got 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DenseEnergy(**options)
