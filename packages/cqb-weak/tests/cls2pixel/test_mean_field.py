import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.cls2pixel import DenseCrf


def drawn(b=2, k=3, h=5, w=6, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(b, k, h, w, generator=generator, dtype=dtype)
    return scores, torch.rand(b, 3, h, w, generator=generator, dtype=dtype) * 255


def infer(crf, scores, image, present=None, valid=None):
    return crf(scores, crf.edges(image, valid), present)


def obvious(crf, scores, image, present):
    """One image at a time, only its classes, with both kernels as matrices and loops over pixels."""
    out = torch.zeros_like(scores)
    edges = crf.edges(image)
    n = scores[0, 0].numel()
    for number in range(len(scores)):
        matrices = []
        for edge, weight in zip(edges, (crf.gaussian_weight, crf.bilateral_weight), strict=True):
            b = edge.lattice.shape[0]
            matrix = edge.lattice.apply(torch.eye(n, dtype=scores.dtype).expand(b, -1, -1))[number if b > 1 else 0]
            root = matrix.sum(1).sqrt()
            matrices.append(weight * matrix / root[:, None] / root[None, :])
        classes = present[number].nonzero().flatten().tolist()
        unary = [[-math.log(max(1e-5, float(v))) for v in scores[number, c].flatten()] for c in classes]
        unary = torch.tensor(unary, dtype=scores.dtype)
        q = torch.softmax(-unary, 0)
        for _ in range(crf.iterations):
            q = torch.softmax(-unary + sum(q @ matrix.T for matrix in matrices), 0)
        out[number, classes] = q.view(len(classes), *scores.shape[2:])
    return out


@pytest.mark.parametrize("iterations", [0, 1, 10])
def test_inference_equals_matrices(iterations):
    scores, image = drawn()
    present = torch.tensor([[True, True, True], [True, False, True]])
    crf = DenseCrf(bilateral_xy=4.0, bilateral_rgb=60.0, iterations=iterations)
    torch.testing.assert_close(infer(crf, scores, image, present), obvious(crf, scores, image, present))


def test_colour_decides_the_doubtful_pixels():
    """Half the picture is white, half black; one pixel of each half knows its class."""
    image = torch.zeros(1, 3, 6, 8)
    image[..., 4:] = 255
    scores = torch.full((1, 2, 6, 8), 0.5)
    scores[0, :, 2, 1] = torch.tensor([1.0, 0.0])
    scores[0, :, 2, 6] = torch.tensor([0.0, 1.0])
    out = infer(DenseCrf(gaussian_weight=0.0), scores, image).argmax(1)
    assert out[0, :, :4].eq(0).all()
    assert out[0, :, 4:].eq(1).all()


def test_absent_classes_and_images_without_any():
    scores, image = drawn()
    out = infer(DenseCrf(), scores, image, torch.tensor([[True, False, True], [False, False, False]]))
    assert out[0, 1].eq(0).all()
    assert out[1].eq(0).all()
    torch.testing.assert_close(out[0].sum(0), torch.ones(5, 6, dtype=torch.float64))


def test_padding_has_no_influence():
    scores, image = drawn(w=8)
    valid = torch.ones(2, 5, 8, dtype=torch.bool)
    valid[..., 5:] = False
    scores[..., 5:] = 0.9
    cut = infer(DenseCrf(), scores[..., :5], image[..., :5])
    padded = infer(DenseCrf(), scores, image.masked_fill(~valid.unsqueeze(1), 1e4), valid=valid)
    torch.testing.assert_close(padded[..., :5], cut, atol=0.05, rtol=0)


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(3)), st.booleans(), st.integers(0, 1000))
def test_the_order_of_classes_and_images_does_not_matter(order, swapped, seed):
    scores, image = drawn(seed=seed)
    images = [1, 0] if swapped else [0, 1]
    out = infer(DenseCrf(), scores, image)
    torch.testing.assert_close(
        infer(DenseCrf(), scores[images][:, list(order)], image[images]), out[images][:, list(order)]
    )


def test_shrunk():
    assert DenseCrf().shrunk(0.25) == DenseCrf(gaussian_xy=0.75, bilateral_xy=20.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gaussian_xy": 0.0}, "gaussian_xy: wanted a positive standard deviation, got 0.0"),
        ({"bilateral_rgb": float("nan")}, "bilateral_rgb: wanted a positive standard deviation, got nan"),
        ({"iterations": -1}, "iterations: wanted 0 or more, got -1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DenseCrf(**options)
