"""Box2Mask in mmdetection's Mask R-CNN: a small one, with random weights, learns masks from boxes alone.

    pip install cqb-weak mmdet
    python -m cqb_weak.examples.mmdet_box2mask [--steps 150] [--seed 0]

`BoxedMaskHead` is all that the loss needs; `BoxedRoIHead` guards it against filled rectangles (frames around proposals,
at random). In a config of your own, name both and this module:

    custom_imports = dict(imports=["cqb_weak.examples.mmdet_box2mask"])
    model = dict(roi_head=dict(type="BoxedRoIHead", mask_head=dict(type="BoxedMaskHead")))

and load no masks: `dict(type="LoadAnnotations", with_bbox=True)`. An mmcv without compiled operators can borrow
torchvision's through cqb-core; where that is installed, import it first:

    python -c "import cqb_core; from cqb_weak.examples.mmdet_box2mask import main; main()"
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cqb_weak.box2mask import Box2MaskLoss, narrow, widen
from cqb_weak.examples.box2mask_crops import FACTOR, Shapes, crop, draw_shapes, mask_iou

try:
    from mmdet.models.data_preprocessors import DetDataPreprocessor  # noqa: F401 (registers)
    from mmdet.models.detectors import MaskRCNN
    from mmdet.models.roi_heads import StandardRoIHead
    from mmdet.models.roi_heads.mask_heads import FCNMaskHead
    from mmdet.registry import MODELS
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import bbox2roi
    from mmengine.config import ConfigDict
    from mmengine.registry import DefaultScope
    from mmengine.structures import InstanceData
except ModuleNotFoundError as error:
    sys.exit(
        f"this example needs mmdetection and mmcv's operators ({error}): pip install onedl-mmdetection onedl-mmcv, and "
        "where mmcv has no compiled operators, import cqb_core first, as the example's docstring shows"
    )

SIDE = 96
CELLS = (28, 28)
BATCH = 4


@MODELS.register_module(force=True)
class BoxedMaskHead(FCNMaskHead):
    """mmdet's mask head, with Box2Mask in place of its loss."""

    box2mask = Box2MaskLoss()

    def loss_and_target(self, mask_preds: Tensor, sampling_results: list[Any], *_: Any, **__: Any) -> dict[str, Any]:
        """Box2Mask on the positive proposals; there are no mask targets."""
        names = ("pos_priors", "pos_gt_bboxes", "pos_gt_labels")
        frames, boxes, labels = (torch.cat([getattr(found, name) for found in sampling_results]) for name in names)
        return {"loss_mask": self.box2mask(mask_preds, frames, boxes, labels), "mask_targets": None}

    def _predict_by_feat_single(self, mask_preds: Tensor, bboxes: Tensor, **options: Any) -> Tensor:
        return super()._predict_by_feat_single(mask_preds, widen(bboxes, FACTOR), **options)  # type: ignore[no-any-return]


@MODELS.register_module(force=True)
class BoxedRoIHead(StandardRoIHead):
    """mmdet's RoI head, whose mask branch learns in frames around the proposals at random and is used on wide ones."""

    def mask_loss(self, x: Any, sampling_results: list[Any], *rest: Any) -> dict[str, Any]:
        """As the base class; the box branch has had its losses before."""
        for found in sampling_results:
            found.pos_priors = widen(found.pos_priors, FACTOR, jitter=0.3)
        return super().mask_loss(x, sampling_results, *rest)  # type: ignore[no-any-return]

    def _mask_forward(self, x: Any, rois: Tensor | None = None, **rest: Any) -> dict[str, Any]:
        if rois is not None and not self.training:
            rois = torch.cat([rois[:, :1], widen(rois[:, 1:], FACTOR)], 1)
        return super()._mask_forward(x, rois, **rest)  # type: ignore[no-any-return]


class Scores(NamedTuple):
    """Mean mask IoU on the true boxes of new images."""

    before: float
    after: float
    filled: float


def model_config(channels: int = 32) -> dict[str, Any]:
    """A Mask R-CNN for images of `SIDE` pixels and one class."""
    strides, pooled = [4, 8, 16, 32], {"type": "SingleRoIExtractor", "out_channels": channels}
    pooled = {**pooled, "featmap_strides": strides, "finest_scale": 24}
    deltas = {"type": "DeltaXYWHBBoxCoder"}
    binary, smooth = {"type": "CrossEntropyLoss", "use_sigmoid": True}, {"type": "L1Loss"}
    box_head = {"type": "Shared2FCBBoxHead", "in_channels": channels, "fc_out_channels": 64, "num_classes": 1}
    mask_head = {"type": "BoxedMaskHead", "num_convs": 2, "in_channels": channels, "conv_out_channels": channels}
    return {
        "type": "MaskRCNN",
        "data_preprocessor": {"type": "DetDataPreprocessor", "mean": [0.5] * 3, "std": [0.25] * 3},
        "backbone": {"type": "ResNet", "depth": 18, "stem_channels": 16, "base_channels": 16, "norm_eval": False},
        "neck": {"type": "FPN", "in_channels": [16, 32, 64, 128], "out_channels": channels, "num_outs": 4},
        "rpn_head": {
            "type": "RPNHead",
            "in_channels": channels,
            "feat_channels": channels,
            "anchor_generator": {"type": "AnchorGenerator", "scales": [6], "ratios": [0.5, 1, 2], "strides": strides},
            "bbox_coder": deltas,
            "loss_cls": binary,
            "loss_bbox": smooth,
        },
        "roi_head": {
            "type": "BoxedRoIHead",
            "bbox_roi_extractor": {**pooled, "roi_layer": {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 2}},
            "bbox_head": {
                **box_head,
                "bbox_coder": deltas,
                "loss_bbox": smooth,
                "loss_cls": {"type": "CrossEntropyLoss"},
            },
            "mask_roi_extractor": {**pooled, "roi_layer": {"type": "RoIAlign", "output_size": 14, "sampling_ratio": 2}},
            "mask_head": {**mask_head, "num_classes": 1},
        },
        "train_cfg": _train_options(),
        "test_cfg": {
            "rpn": {
                "nms_pre": 100,
                "max_per_img": 50,
                "nms": {"type": "nms", "iou_threshold": 0.7},
                "min_bbox_size": 0,
            },
            "rcnn": {
                "score_thr": 0.05,
                "nms": {"type": "nms", "iou_threshold": 0.5},
                "max_per_img": 5,
                "mask_thr_binary": 0.5,
            },
        },
    }


def build_model() -> MaskRCNN:
    """The model of `model_config`, with random weights."""
    with DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build(ConfigDict(model_config()))
    model.init_weights()
    return model


def _train_options() -> dict[str, Any]:
    def assigner(positive: float, negative: float, low: bool) -> dict[str, Any]:
        thresholds = {"pos_iou_thr": positive, "neg_iou_thr": negative, "min_pos_iou": negative}
        return {"type": "MaxIoUAssigner", **thresholds, "match_low_quality": low, "ignore_iof_thr": -1}

    def sampler(count: int, share: float, add_truth: bool) -> dict[str, Any]:
        options = {"num": count, "pos_fraction": share, "neg_pos_ub": -1, "add_gt_as_proposals": add_truth}
        return {"type": "RandomSampler", **options}

    common = {"pos_weight": -1, "debug": False}
    return {
        "rpn": {
            **common,
            "assigner": assigner(0.7, 0.3, True),
            "sampler": sampler(64, 0.5, False),
            "allowed_border": -1,
        },
        "rpn_proposal": {
            "nms_pre": 200,
            "max_per_img": 50,
            "nms": {"type": "nms", "iou_threshold": 0.7},
            "min_bbox_size": 0,
        },
        "rcnn": {**common, "assigner": assigner(0.5, 0.5, False), "sampler": sampler(32, 0.25, True), "mask_size": 28},
    }


def samples(shapes: Shapes, chosen: Tensor) -> dict[str, list[Any]]:
    """What mmdet's data loader would give for some images: boxes and labels, no masks."""
    inputs, found = [], []
    for k in chosen.tolist():
        sample = DetDataSample(metainfo={"img_shape": (SIDE, SIDE), "ori_shape": (SIDE, SIDE), "scale_factor": (1, 1)})
        sample.gt_instances = InstanceData(bboxes=shapes.boxes[k, None], labels=torch.zeros(1, dtype=torch.long))
        inputs.append(shapes.images[k])
        found.append(sample)
    return {"inputs": inputs, "data_samples": found}


def train(model: MaskRCNN, shapes: Shapes, steps: int, generator: torch.Generator) -> dict[str, list[float]]:
    """Train on images and boxes; returns each loss, step by step."""
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    history: dict[str, list[float]] = {}
    model.train()
    for _ in range(steps):
        chosen = torch.randint(len(shapes.boxes), (BATCH,), generator=generator)
        losses = model(**model.data_preprocessor(samples(shapes, chosen), True), mode="loss")
        total, values = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        schedule.step()
        for name, value in values.items():
            history.setdefault(name, []).append(float(value))
    return history


@torch.no_grad()
def score(model: MaskRCNN, shapes: Shapes) -> float:
    """Mean IoU of the mask branch's masks on the true boxes."""
    model.eval()
    data = model.data_preprocessor(samples(shapes, torch.arange(len(shapes.boxes))))
    features = model.extract_feat(data["inputs"])
    logits = model.roi_head._mask_forward(features, bbox2roi(list(shapes.boxes[:, None])))["mask_preds"]
    return mask_iou(narrow(logits, FACTOR)[:, 0] > 0, true_masks(shapes))


def true_masks(shapes: Shapes) -> Tensor:
    """The masks over the cells of the boxes."""
    return crop(shapes.masks[:, None].float(), shapes.boxes, CELLS)[:, 0] > 0.5


def main(arguments: Sequence[str] | None = None) -> Scores:
    """Run as the command line says; returns what it prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    seen, new = draw_shapes(256, generator, SIDE), draw_shapes(64, generator, SIDE)
    model = build_model()
    before = score(model, new)
    history = train(model, seen, options.steps, generator)
    truth = true_masks(new)
    scores = Scores(before, score(model, new), mask_iou(torch.ones_like(truth), truth))
    print("mask IoU on the boxes of new images, trained on boxes alone")
    for name, value in scores._asdict().items():
        print(f"  {name:<8}{value:.3f}")
    for name, values in history.items():
        print(f"  {name}: {values[0]:.3f} at first, {values[-1]:.3f} at last")
    return scores


if __name__ == "__main__":
    main()
