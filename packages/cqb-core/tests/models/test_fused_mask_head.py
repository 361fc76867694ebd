"""The fully connected mask on numbers by hand, and what it is there for: outlines that no convolution sees."""

import pytest
import torch
import torch.nn.functional as F
from mmdet.models.roi_heads.mask_heads import FCNMaskHead

from cqb_core.models.fused_mask_head import FusedMaskHead, gist

SIZES = {"num_convs": 1, "in_channels": 2, "conv_out_channels": 3, "num_classes": 4, "roi_feat_size": 4}


def test_the_gist_is_one_number_a_cell_from_all_cells():
    layers = gist(2, 4, 3, 16)
    assert layers(torch.randn(5, 2, 2, 2)).shape == (5, 16)
    moved = torch.zeros(1, 2, 2, 2, requires_grad=True)
    with torch.no_grad():
        layers[1].bias.fill_(1.0)
    layers(moved)[0, 0].backward()
    assert moved.grad.count_nonzero() == 8


@pytest.fixture
def head():
    torch.manual_seed(0)
    return FusedMaskHead(hidden=6, **SIZES)


def test_logits_are_mmdets_plus_one_mask_for_all_classes(head):
    plain = FCNMaskHead(**SIZES)
    plain.load_state_dict({name: value for name, value in head.state_dict().items() if "gist" not in name})
    x = torch.randn(2, 2, 4, 4)
    whole = head.gist(head.convs[0](x)).reshape(2, 1, 8, 8)
    torch.testing.assert_close(head(x), plain(x) + whole)
    assert whole.abs().max() < 0.1  # so that training starts as without it


def test_without_units_it_is_mmdets():
    torch.manual_seed(0)
    plain = FCNMaskHead(**SIZES)
    head = FusedMaskHead(hidden=0, **SIZES)
    head.load_state_dict(plain.state_dict())
    x = torch.randn(2, 2, 4, 4)
    torch.testing.assert_close(head(x), plain(x))


def test_no_rois(head):
    assert head(torch.zeros(0, 2, 4, 4)).shape == (0, 4, 8, 8)


def test_it_tells_what_is_far_from_a_cell():
    """All cells of a RoI are object when its last one is lit: no convolution of 3x3 can know that in the first one."""
    torch.manual_seed(0)
    errors = {}
    for hidden in (0, 16):
        head = FusedMaskHead(hidden=hidden, **{**SIZES, "num_classes": 1, "roi_feat_size": 8})
        optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
        for _ in range(200):
            x, target = torch.randn(16, 2, 8, 8) / 10, torch.zeros(16, 1, 16, 16)
            lit = torch.rand(16) < 0.5
            x[lit, 0, -1, -1], target[lit] = 3.0, 1.0
            logits = head(x)
            loss = F.binary_cross_entropy_with_logits(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        errors[hidden] = ((logits > 0) != target.bool()).float().mean().item()
    assert errors[16] < 0.1 < 0.3 < errors[0]


def test_bad_sizes(head):
    with pytest.raises(ValueError, match=r"roi_feat_size: wanted the features' \(5, 5\), got \(4, 4\)"):
        head(torch.zeros(1, 2, 5, 5))
    with pytest.raises(ValueError, match="hidden: wanted 0 or more units, got -1"):
        FusedMaskHead(hidden=-1, **SIZES)
