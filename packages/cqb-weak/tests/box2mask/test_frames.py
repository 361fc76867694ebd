import pytest
import torch

from cqb_weak.box2mask import narrow, widen


def test_a_drawn_box():
    assert widen(torch.tensor([[10.0, 20, 14, 28]]), 2.0).tolist() == [[8, 16, 16, 32]]


def test_jitter_moves_each_edge_by_its_share_at_most():
    boxes = torch.tensor([[10.0, 20, 14, 28]]).repeat(500, 1)
    moved = (widen(boxes, 1.0, jitter=0.25, generator=torch.Generator().manual_seed(0)) - boxes).abs()
    assert (moved.amax(0) <= torch.tensor([1.0, 2, 1, 2])).all()
    assert (moved.amax(0) > torch.tensor([0.98, 1.96, 0.98, 1.96])).all()


def test_a_seed_fixes_the_moves():
    boxes = torch.tensor([[10.0, 20, 14, 28]])
    one, other, third = (
        widen(boxes, jitter=0.3, generator=torch.Generator().manual_seed(seed)).tolist() for seed in (4, 4, 5)
    )
    assert one == other != third


def test_narrow_cuts_the_middle_out():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 2:4] = 1
    middle = narrow(mask, 2.0)[0, 0]
    assert (middle[1:-1, :3] > 0.7).all()
    assert (middle[:, 5:] < 0.3).all()


def test_narrow_of_a_ramp_is_the_ramp_over_the_box():
    ramp = ((torch.arange(28) + 0.5) / 28 * 1.5 - 0.25).expand(1, 2, 20, 28)
    wanted = ((torch.arange(28) + 0.5) / 28).expand(1, 2, 20, 28)
    torch.testing.assert_close(narrow(ramp, 1.5), wanted, atol=1e-5, rtol=0)


def test_factor_1_changes_nothing():
    masks = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(narrow(masks, 1.0), masks)


def test_nothing_to_widen_or_narrow():
    assert widen(torch.zeros(0, 4)).shape == (0, 4)
    assert narrow(torch.zeros(0, 3, 28, 28)).shape == (0, 3, 28, 28)


def test_bad_input():
    with pytest.raises(ValueError, match="factor: wanted a number from 1.0 to 10.0, got 0.5"):
        widen(torch.tensor([[0.0, 0, 1, 1]]), 0.5)
    with pytest.raises(ValueError, match="jitter: wanted a number from 0.0 to 0.45, got 0.5"):
        widen(torch.tensor([[0.0, 0, 1, 1]]), jitter=0.5)
    with pytest.raises(ValueError, match=r"boxes\[0\]: wanted x0 <= x1"):
        widen(torch.tensor([[1.0, 0, 0, 1]]))
    with pytest.raises(ValueError, match="factor: wanted a number from 1.0 to 10.0, got nan"):
        narrow(torch.zeros(1, 1, 4, 4), float("nan"))
