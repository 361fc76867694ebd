"""The mask heads in the cascade: what they read, what they leave alone, whose masks they learn."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope

from cqb_bench.methods.mask_x import METHOD
from cqb_bench.methods.mask_x.head import detector_weights
from cqb_core import InputError
from cqb_core.testing import losses_of, mixed_batch, tiny_model


def built(**box_head):
    model = METHOD.configure({"model": tiny_model()})["model"]
    model["roi_head"]["bbox_head"].update(box_head)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmdet"):
        return MODELS.build(ConfigDict(model)).train()


@pytest.fixture
def made(scenes, tmp_path):
    """A function from a network and label set names to its losses on as many scenes."""
    return lambda network, *names: losses_of(network, mixed_batch(scenes, names, tmp_path / "labels.json"))


def mask_terms(losses):
    return {name: value for name, value in losses.items() if "loss_mask" in name}


@pytest.mark.parametrize("agnostic", [True, False])
def test_masks_teach_every_parameter_of_the_heads_and_none_of_the_detector(agnostic, made):
    network = built(reg_class_agnostic=agnostic)
    sum(mask_terms(made(network, "P", "B")).values()).backward()
    heads = network.roi_head
    untouched = [name for name, each in heads.mask_head.named_parameters() if each.grad is None or not each.grad.any()]
    assert untouched == []
    assert all(each.grad is None or not each.grad.any() for each in heads.bbox_head.parameters())
    assert any(each.grad.any() for each in network.backbone.parameters() if each.grad is not None)


def test_images_without_masks_have_no_part_in_the_mask_loss(made):
    network = built()
    alone, beside = (mask_terms(made(network, *names)) for names in (("P",), ("P", "B", "I")))
    for name, value in alone.items():
        assert float(value.detach()) > 0
        torch.testing.assert_close(beside[name], value, rtol=1e-4, atol=1e-5)
    none = mask_terms(made(network, "B", "B"))
    assert {float(value.detach()) for value in none.values()} == {0.0}
    sum(none.values()).backward()
    assert all(each.grad is not None for each in network.roi_head.mask_head.parameters())


def test_boxes_move_the_mask_weights(made):
    """What an image with boxes alone teaches: the detector's weights, from which the masks' are made."""
    network = built()
    before = network.roi_head.mask_head[0].transfer(detector_weights(network.roi_head.bbox_head[0])).detach()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    losses = made(network, "B", "B")
    sum(value for name, value in losses.items() if "loss" in name).backward()
    optimizer.step()
    after = network.roi_head.mask_head[0].transfer(detector_weights(network.roi_head.bbox_head[0])).detach()
    assert (before - after).abs().max() > 1e-6


def test_each_stage_reads_its_own_box_head():
    network = built().eval()
    heads, x = network.roi_head, tuple(torch.randn(1, 16, 64 // stride, 64 // stride) for stride in (4, 8, 16, 32))
    rois = torch.tensor([[0.0, 4, 4, 40, 40]])
    with torch.no_grad():
        before = [heads._mask_forward(stage, x, rois)["mask_preds"] for stage in range(3)]
        heads.bbox_head[1].fc_cls.weight.mul_(20)
        after = [heads._mask_forward(stage, x, rois)["mask_preds"] for stage in range(3)]
    assert [torch.equal(old, new) for old, new in zip(before, after, strict=True)] == [True, False, True]


def test_it_predicts_masks_of_the_images_size(scenes, tmp_path):
    network = built().eval()
    batch = mixed_batch(scenes, ["P"], tmp_path / "labels.json")
    with torch.no_grad():
        (sample,) = network.test_step(batch)
    assert len(sample.pred_instances) > 0
    assert sample.pred_instances.masks.shape[1:] == sample.ori_shape


def test_other_heads_are_refused_and_the_config_stays():
    cascade = {"type": "RoutedCascadeRoIHead", "mask_head": {"type": "HTCMaskHead"}}
    with pytest.raises(InputError, match=r"mask-x: model\.roi_head\.mask_head\.type: wanted FCNMaskHead, got HTCMask"):
        METHOD.configure({"model": {"roi_head": cascade}})
    with pytest.raises(
        InputError, match=r"mask-x: model\.roi_head\.type: wanted RoutedCascadeRoIHead, got StandardRoIH"
    ):
        METHOD.configure({"model": {"roi_head": {**cascade, "type": "StandardRoIHead"}}})
    assert cascade["type"] == "RoutedCascadeRoIHead"
    config = {"model": {"roi_head": {**cascade, "mask_head": [{"type": "FCNMaskHead"}] * 3}}}
    made = METHOD.configure({**config, "mask_x": {"hidden": 7}})["model"]["roi_head"]["mask_head"]
    assert made == [{"type": "MaskXHead", "hidden": 7}] * 3
