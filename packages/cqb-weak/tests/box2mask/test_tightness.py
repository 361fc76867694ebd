import math

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.box2mask import tightness_loss
from cqb_weak.box2mask.pooling import POOLINGS


def drawn(seed: int, n: int = 3, h: int = 6, w: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """float64 logits, rows and columns of a box that meets each mask."""
    g = torch.Generator().manual_seed(seed)
    low = torch.randint(0, 3, (n, 2), generator=g)
    high = low + torch.randint(1, 4, (n, 2), generator=g)
    rows, cols = (
        (torch.arange(size) >= low[:, k, None]) & (torch.arange(size) < high[:, k, None])
        for k, size in enumerate((h, w))
    )
    return torch.randn(n, h, w, generator=g, dtype=torch.float64) * 2, rows, cols


def slow_loss(z, rows, cols):
    """Hsu et al. 2019, Eq. 2, bag by bag."""
    terms = []
    for mask, row, col in zip(z, rows, cols, strict=True):
        for bag, label in [*zip(mask, row, strict=True), *zip(mask.T, col, strict=True)]:
            score = 1 / (1 + math.exp(-max(bag.tolist())))
            terms.append(-math.log(score if label else 1 - score))
    return sum(terms) / len(terms)


def test_a_drawn_mask():
    z = torch.tensor([[[0.0, 0], [0, math.log(3)]]])
    rows, cols = torch.tensor([[False, True]]), torch.tensor([[True, True]])
    wanted = (-math.log(0.5) - math.log(0.75) - math.log(0.5) - math.log(0.75)) / 4
    assert tightness_loss(z, rows, cols).item() == pytest.approx(wanted, rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_same_as_bag_by_bag(seed):
    z, rows, cols = drawn(seed)
    assert tightness_loss(z, rows, cols).item() == pytest.approx(slow_loss(z, rows, cols), rel=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"pooling": "alpha-softmax"}, {"pooling": "quasimax"}, {"angles": (-30.0, 20.0)}]
)
def test_gradient(options):
    z, rows, cols = drawn(1)
    assert torch.autograd.gradcheck(lambda x: tightness_loss(x, rows, cols, **options), z.requires_grad_())


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from(list(POOLINGS)))
def test_permutations_and_flips_change_nothing(seed, pooling):
    z, rows, cols = drawn(seed)
    wanted = tightness_loss(z, rows, cols, pooling=pooling, angles=(20.0, -20.0)).item()
    order = torch.randperm(3, generator=torch.Generator().manual_seed(seed))
    flipped = tightness_loss(z.flip(2), rows, cols.flip(1), pooling=pooling, angles=(20.0, -20.0)).item()
    turned = tightness_loss(z.mT, cols, rows, pooling=pooling, angles=(20.0, -20.0)).item()
    shuffled = tightness_loss(z[order], rows[order], cols[order], pooling=pooling, angles=(20.0, -20.0)).item()
    assert [flipped, turned, shuffled] == pytest.approx([wanted] * 3, rel=1e-9)


def test_slanted_bags_see_a_gap_that_rows_and_columns_miss():
    corners = torch.zeros(8, 8, dtype=torch.bool)
    corners[:4, 0] = corners[0, :4] = corners[4:, 7] = corners[7, 4:] = True
    z = torch.where(corners, 9.0, -9.0)[None]
    everywhere = torch.ones(1, 8, dtype=torch.bool)
    assert tightness_loss(z, everywhere, everywhere) < 1e-3
    assert tightness_loss(z, everywhere, everywhere, angles=(-45.0,)) > 0.5


def test_no_rois_give_zero_and_a_gradient():
    z = torch.zeros(0, 4, 4, requires_grad=True)
    loss = tightness_loss(z, torch.zeros(0, 4, dtype=torch.bool), torch.zeros(0, 4, dtype=torch.bool), angles=(10.0,))
    loss.backward()
    assert loss.item() == 0
    assert z.grad.shape == (0, 4, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_close(dtype):
    z, rows, cols = drawn(2)
    half = z.to(dtype)
    assert tightness_loss(half, rows, cols).item() == pytest.approx(tightness_loss(z, rows, cols).item(), rel=0.01)


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.bool)


@pytest.mark.parametrize(
    ("z", "rows", "cols", "options", "error", "message"),
    [
        (torch.zeros(2, 4, 4).long(), ones(2, 4), ones(2, 4), {}, TypeError, "mask_logits: wanted floating"),
        (torch.full((1, 4, 4), torch.nan), ones(1, 4), ones(1, 4), {}, ValueError, "mask_logits: wanted finite .* nan"),
        (torch.zeros(2, 4, 4), ones(2, 4), ones(2, 4), {"pooling": "mean"}, ValueError, "pooling: .*quasimax.*'mean'"),
        (torch.zeros(2, 4, 4), ones(2, 4), ones(2, 4), {"sharpness": 0.0}, ValueError, "sharpness: .* got 0.0"),
        (torch.zeros(2, 4, 4), ones(2, 4), ones(2, 4), {"angles": (0.0, 60.0)}, ValueError, r"angles\[1\]: .* got 60"),
        (
            torch.zeros(2, 4, 4),
            ones(2, 4).to("meta"),
            ones(2, 4),
            {},
            ValueError,
            "one device, got mask_logits on cpu, rows on meta",
        ),
    ],
)
def test_bad_input(z, rows, cols, options, error, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(error, match=message):
        tightness_loss(z, rows, cols, **options)
