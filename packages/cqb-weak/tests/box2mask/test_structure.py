import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.box2mask import colour_alike, structure_loss
from cqb_weak.box2mask.structure import SHIFTS


def logits(seed: int) -> torch.Tensor:
    return torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


def slow_loss(z, alike=None, padding="none", confidence_weighted=False):
    """Cell by cell and neighbour by neighbour."""
    p = z.sigmoid()
    n, h, w = p.shape
    total, count = 0.0, 0
    for i in range(n):
        for y in range(h):
            for x in range(w):
                for dy, dx in [*SHIFTS, *((-dy, -dx) for dy, dx in SHIFTS)]:
                    inside = 0 <= y + dy < h and 0 <= x + dx < w
                    if alike is not None and not (inside and tied(alike[i], y, x, dy, dx)):
                        continue
                    count += 1
                    if inside or padding == "zero":
                        other = p[i, y + dy, x + dx].item() if inside else 0.0
                        term = (p[i, y, x].item() - other) ** 2
                        total += term * (p[i, y, x].item() if confidence_weighted else 1)
    return total / max(count, 1)


def tied(alike, y, x, dy, dx):
    if (dy, dx) in SHIFTS:
        return bool(alike[SHIFTS.index((dy, dx)), y, x])
    return bool(alike[SHIFTS.index((-dy, -dx)), y + dy, x + dx])


def test_a_drawn_mask():
    z = torch.tensor([[[-100.0, 100], [-100, -100]]])
    assert structure_loss(z).item() == pytest.approx(2 * 3 / (8 * 4))
    assert structure_loss(z, padding="zero").item() == pytest.approx((2 * 3 + 5) / (8 * 4))
    assert structure_loss(z, padding="zero", confidence_weighted=True).item() == pytest.approx((3 + 5) / (8 * 4))


@pytest.mark.parametrize("padding", ["none", "zero"])
@pytest.mark.parametrize("confidence_weighted", [False, True])
@pytest.mark.parametrize("coloured", [False, True])
def test_same_as_neighbour_by_neighbour(padding, confidence_weighted, coloured):
    alike = colour_alike(logits(5)[:, None].expand(-1, 3, -1, -1)) if coloured else None
    options = {"padding": padding, "confidence_weighted": confidence_weighted}
    got = structure_loss(logits(0), alike, **options).item()
    assert got == pytest.approx(slow_loss(logits(0), alike, **options), rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"padding": "zero"}, {"confidence_weighted": True}])
def test_gradient(options):
    assert torch.autograd.gradcheck(lambda z: structure_loss(z, **options), logits(1).requires_grad_())


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from(["none", "zero"]), st.booleans())
def test_permutations_and_flips_change_nothing(seed, padding, confidence_weighted):
    z = logits(seed)
    options = {"padding": padding, "confidence_weighted": confidence_weighted}
    turned = [structure_loss(other, **options).item() for other in (z.flip(0), z.flip(1), z.flip(2), z.mT)]
    assert turned == pytest.approx([structure_loss(z, **options).item()] * 4, rel=1e-9)


def test_an_even_mask_costs_nothing_unless_the_border_counts():
    assert structure_loss(torch.full((1, 6, 6), 3.0)).item() == 0
    assert structure_loss(torch.full((1, 6, 6), 3.0), padding="zero").item() > 0.05


def test_no_pair_alike_gives_zero_and_zero_gradients():
    z = logits(0).requires_grad_()
    loss = structure_loss(z, torch.zeros(2, 4, 4, 5, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not z.grad.any()


def test_no_rois_give_zero_and_a_gradient():
    z = torch.zeros(0, 4, 4, requires_grad=True)
    structure_loss(z, padding="zero").backward()
    assert z.grad.shape == (0, 4, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_close(dtype):
    assert structure_loss(logits(3).to(dtype)).item() == pytest.approx(structure_loss(logits(3)).item(), rel=0.01)


def test_bad_input():
    with pytest.raises(ValueError, match="padding: wanted one of none, zero, got 'wrap'"):
        structure_loss(logits(0), padding="wrap")
    with pytest.raises(ValueError, match="mask_logits: wanted finite numbers, got nan"):
        structure_loss(torch.full((1, 3, 3), torch.nan))
