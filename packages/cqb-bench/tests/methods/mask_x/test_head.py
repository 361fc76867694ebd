"""The weight transfer and what is built on it, on numbers by hand and on features made for it."""

import pytest
import torch
import torch.nn.functional as F
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead

from cqb_bench.methods.mask_x.head import MaskXHead, detector_weights, weight_transfer


def box_head(**changes):
    sizes = {"in_channels": 1, "fc_out_channels": 2, "roi_feat_size": 2, "num_classes": 3, "reg_class_agnostic": True}
    head = Shared2FCBBoxHead(**{**sizes, **changes})
    with torch.no_grad():
        head.fc_cls.weight.copy_(torch.arange(8.0).reshape(4, 2))
        rows = len(head.fc_reg.weight)
        head.fc_reg.weight.copy_(100 + torch.arange(2.0 * rows).reshape(rows, 2))
    return head


def test_a_classs_weights_are_its_scores_and_the_shared_box():
    made = detector_weights(box_head())
    box = list(range(100, 108))
    assert made.tolist() == [[0, 1, *box], [2, 3, *box], [4, 5, *box]]
    assert not made.requires_grad


def test_a_class_with_a_box_of_its_own():
    made = detector_weights(box_head(reg_class_agnostic=False))
    assert made.tolist() == [[0, 1, *range(100, 108)], [2, 3, *range(108, 116)], [4, 5, *range(116, 124)]]


def test_transfer_by_hand():
    transfer = weight_transfer(2, 2)
    with torch.no_grad():
        transfer[0].weight.copy_(torch.tensor([[1.0, 1], [1, -1]]))
        transfer[0].bias.copy_(torch.tensor([0.0, 1]))
        transfer[2].weight.copy_(torch.tensor([[2.0, 0], [1, 10]]))
        transfer[2].bias.copy_(torch.tensor([0.5, 0]))
    # (1, 4): hidden (5, -2), leaking (5, -0.2); then (10.5, 5 - 2).
    torch.testing.assert_close(transfer(torch.tensor([[1.0, 4]])), torch.tensor([[10.5, 3.0]]))


@pytest.fixture
def head():
    torch.manual_seed(0)
    sizes = {"num_convs": 1, "in_channels": 2, "conv_out_channels": 3, "num_classes": 4, "roi_feat_size": 4}
    return MaskXHead(detector_dim=5, hidden=6, **sizes)


def test_logits_are_the_classs_weights_on_the_features_plus_the_gist(head):
    x, detector = torch.randn(2, 2, 4, 4), torch.randn(4, 5)
    feature = head.convs[0](x)
    fine = F.relu(head.upsample(feature))
    whole = head.gist(feature).reshape(2, 8, 8)
    made = head(x, detector)
    assert made.shape == (2, 4, 8, 8)
    for roi in range(2):
        for name in range(4):
            weights = head.transfer(detector[name])
            expected = (weights[:, None, None] * fine[roi]).sum(0) + whole[roi]
            torch.testing.assert_close(made[roi, name], expected)


def test_the_gist_can_be_left_out_and_the_features_not_enlarged():
    head = MaskXHead(
        5, hidden=0, num_convs=0, in_channels=3, num_classes=2, roi_feat_size=4, upsample_cfg={"type": None}
    )
    x, detector = torch.randn(2, 3, 4, 4), torch.randn(2, 5)
    torch.testing.assert_close(head(x, detector), torch.einsum("tc,nchw->nthw", head.transfer(detector), x))


def test_no_roi(head):
    made = head(torch.zeros(0, 2, 4, 4), torch.randn(4, 5))
    assert made.shape == (0, 4, 8, 8)
    made.sum().backward()


def test_every_parameter_gets_a_gradient_from_masks(head):
    made = head(torch.randn(3, 2, 4, 4), torch.randn(4, 5))
    labels = torch.tensor([0, 3, 1])
    head.loss_mask(made, (torch.rand(3, 8, 8) > 0.5).float(), labels).backward()
    head.init_weights()
    assert [name for name, each in head.named_parameters() if each.grad is None or not each.grad.any()] == []


def synthetic(classes, count, vectors, seed):
    """RoIs whose mask of class c is where the feature points along the class's vector."""
    generator = torch.Generator().manual_seed(seed)
    labels = classes[torch.randint(len(classes), (count,), generator=generator)]
    x = torch.randn(count, vectors.shape[1], 4, 4, generator=generator)
    return x, labels, (torch.einsum("nc,nchw->nhw", vectors[labels], x) > 0).float()


def accuracy_on_unseen_classes(shuffle):
    """Pixel accuracy on classes whose masks the head has never seen; their detector weights encode the vectors."""
    torch.manual_seed(0)
    vectors = F.normalize(torch.randn(80, 6), dim=1)
    detector = vectors @ torch.randn(6, 12) / 6**0.5
    if shuffle:
        detector = detector[torch.randperm(80)]
    head = MaskXHead(
        12, hidden=8, num_convs=0, in_channels=6, num_classes=80, roi_feat_size=4, upsample_cfg={"type": None}
    )
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    for step in range(120):
        x, labels, masks = synthetic(torch.arange(60), 64, vectors, step)
        optimizer.zero_grad()
        head.loss_mask(head(x, detector), masks, labels).backward()
        optimizer.step()
    x, labels, masks = synthetic(torch.arange(60, 80), 400, vectors, 999)
    with torch.no_grad():
        found = head(x, detector)[torch.arange(400), labels] > 0
    return float((found == masks.bool()).float().mean())


def test_masks_of_some_classes_teach_those_of_others_through_the_detector():
    assert accuracy_on_unseen_classes(False) > 0.85
    assert 0.4 < accuracy_on_unseen_classes(True) < 0.6


def test_options_out_of_range_are_named():
    with pytest.raises(ValueError, match="class_agnostic: wanted False"):
        MaskXHead(5, class_agnostic=True)
    with pytest.raises(ValueError, match="hidden: wanted 0 or more units, got -1"):
        MaskXHead(5, hidden=-1)


def test_features_of_another_side_are_refused(head):
    with pytest.raises(ValueError, match=r"roi_feat_size: wanted the features' \(7, 7\), got \(4, 4\)"):
        head(torch.zeros(1, 2, 7, 7), torch.zeros(4, 5))
