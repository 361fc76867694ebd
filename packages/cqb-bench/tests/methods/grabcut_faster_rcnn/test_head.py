"""Masks at test: which pixels are cut, in which boxes, at which size."""

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from cqb_bench.methods.grabcut_faster_rcnn import METHOD
from cqb_bench.methods.grabcut_faster_rcnn.head import photo
from cqb_core import InputError
from cqb_core.models.cascade import RoutedCascadeRoIHead
from cqb_core.testing import drawn, losses_of, mixed_batch, tiny_model, tiny_network


@pytest.fixture(scope="module")
def network():
    config = METHOD.configure({"model": tiny_model()})
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmdet"):
        return MODELS.build(ConfigDict(config["model"])).eval()


def disc(height, width, centre, radius):
    y, x = np.mgrid[:height, :width]
    mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
    noise = np.random.default_rng(0).normal(0, 10, (height, width, 3))
    image = np.where(mask[..., None], [190, 60, 50], [50, 90, 180]) + noise
    return image.clip(0, 255).astype(np.uint8), mask


def sample(size, original, image_id=1):
    meta = {
        "img_id": image_id,
        "img_shape": size,
        "ori_shape": original,
        "batch_input_shape": (96, 96),
        "pad_shape": (96, 96),
        "scale_factor": (size[1] / original[1], size[0] / original[0]),
        "label_set": 0,
    }
    return DetDataSample(metainfo=meta)


def predicted(network, monkeypatch, images, samples, boxes, rescale):
    """Predictions of the network on images (`3 H W` each, 0..255), when these are the boxes that it detects."""

    def found(*arguments, **named):
        return [
            InstanceData(bboxes=box, scores=torch.ones(len(box)), labels=torch.zeros(len(box), dtype=torch.long))
            for box in boxes
        ]

    monkeypatch.setattr(RoutedCascadeRoIHead, "predict_bbox", found)
    preprocessor = network.data_preprocessor
    inputs = (torch.stack(images) - preprocessor.mean) / preprocessor.std
    with torch.no_grad():
        return network.predict(inputs, samples, rescale)


def padded(image):
    """An image of 0..255 as `3 96 96`, padded with a colour that is in no image."""
    full = torch.full((3, 96, 96), 255.0)
    full[:, : image.shape[0], : image.shape[1]] = torch.from_numpy(image).permute(2, 0, 1).float()
    return full


def test_each_images_own_pixels_are_cut_in_its_detected_boxes(network, monkeypatch):
    (left, first), (right, second) = disc(64, 96, (30, 28), 20), disc(96, 80, (60, 50), 16)
    boxes = [torch.tensor([[8.0, 10, 48, 50]]), torch.tensor([[34.0, 44, 66, 76], [2, 2, 20, 20]])]
    samples = [sample((64, 96), (64, 96)), sample((96, 80), (96, 80), 2)]
    made = predicted(network, monkeypatch, [padded(left), padded(right)], samples, boxes, True)
    masks = [each.pred_instances.masks for each in made]
    assert [tuple(mask.shape) for mask in masks] == [(1, 64, 96), (2, 96, 80)]
    for mask, truth in ((masks[0][0], first), (masks[1][0], second)):
        assert (mask.numpy() & truth).sum() / (mask.numpy() | truth).sum() > 0.95
    assert made[0].metainfo["grabcut"] == {"cut": 1}


@pytest.mark.parametrize("scale", [0.5, 2])
def test_the_photographs_size_is_cut_when_boxes_are_wanted_there(network, monkeypatch, scale):
    size = (48, 40)
    original = (int(48 / scale), int(40 / scale))
    image, _ = disc(*size, (24, 20), 12)
    _, truth = disc(*original, (24 / scale, 20 / scale), 12 / scale)
    boxes = [torch.tensor([[8.0, 12, 32, 36]])]
    made = predicted(network, monkeypatch, [padded(image)], [sample(size, original)], boxes, True)[0].pred_instances
    torch.testing.assert_close(made.bboxes, boxes[0] / scale)
    mask = made.masks[0].numpy()
    assert mask.shape == original
    assert (mask & truth).sum() / (mask | truth).sum() > 0.85


def test_an_image_without_detections_has_masks_of_its_size(network, monkeypatch):
    image, _ = disc(48, 40, (24, 20), 12)
    made = predicted(network, monkeypatch, [padded(image)], [sample((48, 40), (24, 20))], [torch.zeros(0, 4)], True)[0]
    assert made.pred_instances.masks.shape == (0, 24, 20)
    assert made.pred_instances.masks.dtype == torch.bool
    assert made.metainfo["grabcut"] == {}


def test_boxes_are_what_the_detector_finds_without_grabcut(network):
    torch.manual_seed(0)
    plain = tiny_network().eval()
    plain.load_state_dict(network.state_dict())
    inputs = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = (net.predict(inputs, [sample((64, 64), (32, 32))])[0] for net in (network, plain))
    assert len(ours.pred_instances) > 0
    torch.testing.assert_close(ours.pred_instances.bboxes, theirs.pred_instances.bboxes)
    torch.testing.assert_close(ours.pred_instances.scores, theirs.pred_instances.scores)


def test_the_photo_is_rgb_without_padding():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_array_equal(photo(padded(image), sample((5, 7), (10, 14)), False), image)
    shrunk = photo(padded(np.repeat(np.repeat(image, 2, 0), 2, 1)), sample((10, 14), (5, 7)), True)
    np.testing.assert_array_equal(shrunk, image)


def test_boxes_teach_no_mask(network, tmp_path):
    root = drawn(tmp_path / "scenes", train=2, val=1)
    with DefaultScope.overwrite_default_scope("mmdet"):
        network.train()
        made = losses_of(network, mixed_batch(root, ["B", "B"], tmp_path / "labels.json"))
        network.zero_grad()
        sum(value for name, value in made.items() if "loss" in name).backward()
        network.eval()
    gradients = [parameter.grad for parameter in network.roi_head.mask_head.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)
    assert float(made["s0.loss_mask"].detach()) == 0
    assert float(made["s0.loss_bbox"].detach()) > 0


def test_pixels_are_what_the_masks_come_from(network, monkeypatch):
    """A learning test for a method that learns no mask: right boxes on another photograph give masks by chance."""
    centres = [(20, 22), (40, 60), (55, 30), (30, 66), (62, 62), (26, 44)]
    scenes = [disc(88, 88, centre, 16) for centre in centres]
    boxes = [torch.tensor([[x - 16.0, y - 16, x + 16, y + 16]]) for y, x in centres]
    samples = [sample((88, 88), (88, 88), place) for place in range(6)]

    def mean_overlap(order):
        images = [padded(scenes[place][0]) for place in order]
        made = predicted(network, monkeypatch, images, samples, boxes, True)
        pairs = [(each.pred_instances.masks[0].numpy(), truth) for each, (_, truth) in zip(made, scenes, strict=True)]
        return np.mean([(mask & truth).sum() / (mask | truth).sum() for mask, truth in pairs])

    right, wrong = mean_overlap(range(6)), mean_overlap([3, 2, 1, 4, 0, 2])
    filled = np.mean([truth.sum() / 32**2 for _, truth in scenes])
    assert right > 0.95
    assert wrong <= filled + 0.02 < right - 0.1


def test_without_pixels_it_says_so(network):
    with pytest.raises(ValueError, match="semantic: wanted the semantic branch's view of every image"):
        network.roi_head.predict((), [], [])


def test_options_reach_grabcut():
    model = METHOD.configure({"model": tiny_model(), "grabcut": {"iterations": 2, "side": 99}})["model"]
    with DefaultScope.overwrite_default_scope("mmdet"):
        head = MODELS.build(ConfigDict(model)).roi_head
    assert (head.grabcut.iterations, head.grabcut.side) == (2, 99)


def test_another_cascade_is_refused_and_the_config_stays():
    config = {"model": {"roi_head": {"type": "StandardRoIHead"}}}
    with pytest.raises(
        InputError, match=r"grabcut-faster-rcnn: model\.roi_head\.type: wanted RoutedCascadeRoIHead, got Standard"
    ):
        METHOD.configure(config)
    config = {"model": {"roi_head": {"type": "RoutedCascadeRoIHead"}}, "custom_hooks": [{"type": "FiniteLossHook"}]}
    made = METHOD.configure(config)
    assert config["model"]["roi_head"]["type"] == "RoutedCascadeRoIHead"
    assert config["custom_hooks"] == [{"type": "FiniteLossHook"}]
    assert made["model"]["roi_head"]["type"] == "GrabCutCascadeRoIHead"
    assert made["custom_hooks"] == [{"type": "FiniteLossHook"}, {"type": "GrabCutReportHook"}]
