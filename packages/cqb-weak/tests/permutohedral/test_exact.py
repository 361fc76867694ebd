import pytest
import torch

from cqb_weak.permutohedral import ExactGaussian, gaussian_sum


def drawn(b=2, n=7, d=3, c=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(b, n, d, generator=generator, dtype=dtype),
        torch.randn(b, n, c, generator=generator, dtype=dtype),
    )


def obvious(features, values):
    out = torch.zeros_like(values)
    for image in range(len(features)):
        for i in range(features.shape[1]):
            for j in range(features.shape[1]):
                distance = (features[image, i] - features[image, j]).square().sum()
                out[image, i] += torch.exp(-distance / 2) * values[image, j]
    return out


def test_two_points_one_apart():
    out = gaussian_sum(torch.tensor([[[0.0], [1.0]]]), torch.tensor([[[1.0], [10.0]]]))
    near = 0.6065306597126334
    torch.testing.assert_close(out, torch.tensor([[[1 + 10 * near], [10 + near]]]))


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
def test_blocks_equal_a_loop_over_pairs(block):
    features, values = drawn()
    torch.testing.assert_close(gaussian_sum(features, values, block), obvious(features, values))


def test_gradcheck():
    features, values = drawn()
    assert torch.autograd.gradcheck(lambda v: gaussian_sum(features, v, 3), values.requires_grad_())
    assert torch.autograd.gradgradcheck(lambda v: gaussian_sum(features, v, 3), values)


def test_far_colours_keep_their_precision():
    features, values = drawn(n=50, d=5, dtype=torch.float32)
    features = features * 0.5 + 17
    expected = gaussian_sum(features.double(), values.double())
    torch.testing.assert_close(gaussian_sum(features, values).double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_half_values_are_summed_in_float32(dtype):
    features, values = drawn(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        out = gaussian_sum(features, values.to(dtype))
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, gaussian_sum(features, values.to(dtype).float()))


@pytest.mark.parametrize(("b", "n", "c"), [(0, 3, 2), (2, 0, 2), (2, 3, 0)])
def test_empty_sums(b, n, c):
    assert gaussian_sum(torch.zeros(b, n, 2), torch.zeros(b, n, c)).shape == (b, n, c)


@pytest.mark.parametrize(
    ("values", "block", "error", "message"),
    [
        (torch.zeros(1, 4, 2), 3, ValueError, r"values: wanted shape \(b=1, n=3, c\), got \(1, 4, 2\)"),
        (
            torch.zeros(1, 3, 2, dtype=torch.long),
            3,
            TypeError,
            r"values: wanted floating-point numbers, got torch.int64",
        ),
        (torch.zeros(1, 3, 2, device="meta"), 3, ValueError, r"one device, got features on cpu, values on meta"),
    ],
)
def test_bad_arguments(values, block, error, message):
    with pytest.raises(error, match=message):
        ExactGaussian(torch.zeros(1, 3, 2), block)._check(values)


def test_bad_block():
    with pytest.raises(ValueError, match=r"block: wanted a positive number of rows, got 0"):
        ExactGaussian(torch.zeros(1, 3, 2), 0)
