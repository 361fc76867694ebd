"""Box2Mask in mmdetection's Mask R-CNN: a small one, with random weights, learns masks from boxes alone.

    pip install cqb-weak onedl-mmdetection onedl-mmcv
    python -m cqb_weak.examples.mmdet_box2mask [--steps 150] [--seed 0]

`BoxedMaskHead` is all that the loss needs. The other two guard it against filled rectangles: `BoxedRoIHead` by frames
around proposals, at random, and `BoxedMaskRCNN` by showing it the images, so that neighbours are tied only where their
colours are alike. In a config of your own, name them and this module:

    custom_imports = dict(imports=["cqb_weak.examples.mmdet_box2mask"])
    model = dict(type="BoxedMaskRCNN", roi_head=dict(type="BoxedRoIHead", mask_head=dict(type="BoxedMaskHead")))

and load no masks: `dict(type="LoadAnnotations", with_bbox=True)`. An mmcv without compiled operators can borrow
torchvision's through cqb-core; where that is installed, import it first:

    python -c "import cqb_core; from cqb_weak.examples.mmdet_box2mask import main; main()"
"""

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cqb_weak import Box2Mask
from cqb_weak.examples.boxed_shapes import Scores, Shapes
from cqb_weak.examples.boxed_training import SIDE, Host

try:
    from mmdet.models.data_preprocessors import DetDataPreprocessor  # noqa: F401 (registers)
    from mmdet.models.detectors import MaskRCNN
    from mmdet.models.roi_heads import StandardRoIHead
    from mmdet.models.roi_heads.mask_heads import FCNMaskHead
    from mmdet.registry import MODELS
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import bbox2roi
    from mmengine.config import ConfigDict
    from mmengine.logging import MMLogger
    from mmengine.registry import DefaultScope
    from mmengine.structures import InstanceData
except ModuleNotFoundError as error:
    sys.exit(
        f"this example needs mmdetection and mmcv's operators ({error}): pip install onedl-mmdetection onedl-mmcv, and "
        "where mmcv has no compiled operators, import cqb_core first, as the example's docstring shows"
    )

BOX2MASK = Box2Mask()


@MODELS.register_module(force=True)
class BoxedMaskHead(FCNMaskHead):
    """mmdet's mask head, with Box2Mask in place of its loss."""

    images: Tensor | None = None

    def loss_and_target(self, mask_preds: Tensor, sampling_results: list[Any], *_: Any, **__: Any) -> dict[str, Any]:
        """Box2Mask on the positive proposals; there are no mask targets."""
        names = ("pos_priors", "pos_gt_bboxes", "pos_gt_labels")
        frames, boxes, labels = ([getattr(found, name) for found in sampling_results] for name in names)
        return {"loss_mask": BOX2MASK(mask_preds, frames, boxes, labels, images=self.images), "mask_targets": None}


@MODELS.register_module(force=True)
class BoxedRoIHead(StandardRoIHead):
    """mmdet's RoI head, whose mask branch learns in frames around the proposals at random and is used on wide ones."""

    def mask_loss(self, x: Any, sampling_results: list[Any], *rest: Any) -> dict[str, Any]:
        """As the base class; the box branch has had its losses before."""
        for found in sampling_results:
            (found.pos_priors,) = BOX2MASK.frames([found.pos_priors])
        return super().mask_loss(x, sampling_results, *rest)  # type: ignore[no-any-return]

    def _mask_forward(self, x: Any, rois: Tensor | None = None, **rest: Any) -> dict[str, Any]:
        if rois is not None and not self.training:
            rois = torch.cat([rois[:, :1], BOX2MASK.wide(rois[:, 1:])], 1)
        found: dict[str, Any] = super()._mask_forward(x, rois, **rest)
        return found if self.training else {**found, "mask_preds": BOX2MASK.fitted(found["mask_preds"])}


@MODELS.register_module(force=True)
class BoxedMaskRCNN(MaskRCNN):
    """mmdet's Mask R-CNN, which shows the colours of the images to its mask head."""

    def loss(self, batch_inputs: Tensor, batch_data_samples: list[Any]) -> dict[str, Any]:
        """As the base class."""
        given = self.data_preprocessor
        self.roi_head.mask_head.images = ((batch_inputs * given.std + given.mean) / 255).clamp(0, 1)
        return super().loss(batch_inputs, batch_data_samples)  # type: ignore[no-any-return]


def model_config(channels: int = 32) -> dict[str, Any]:
    """A Mask R-CNN for images of `SIDE` pixels and one class."""
    strides, pooled = [4, 8], {"type": "SingleRoIExtractor", "out_channels": channels}
    norm = {"type": "GN", "num_groups": 4}
    pooled = {**pooled, "featmap_strides": strides, "finest_scale": 96}
    deltas = {"type": "DeltaXYWHBBoxCoder"}
    binary, smooth = {"type": "CrossEntropyLoss", "use_sigmoid": True}, {"type": "L1Loss"}
    box_head = {"type": "Shared2FCBBoxHead", "in_channels": channels, "fc_out_channels": 64, "num_classes": 1}
    mask_head = {"type": "BoxedMaskHead", "num_convs": 3, "in_channels": channels, "conv_out_channels": channels}
    return {
        "type": "BoxedMaskRCNN",
        "data_preprocessor": {"type": "DetDataPreprocessor", "mean": [127.5] * 3, "std": [64.0] * 3},
        "backbone": {
            "type": "ResNet",
            "depth": 18,
            "stem_channels": 16,
            "base_channels": 16,
            "num_stages": 2,
            "strides": (1, 2),
            "dilations": (1, 1),
            "out_indices": (0, 1),
            "norm_cfg": norm,
            "norm_eval": False,
        },
        "neck": {"type": "FPN", "in_channels": [16, 32], "out_channels": channels, "num_outs": 2, "norm_cfg": norm},
        "rpn_head": {
            "type": "RPNHead",
            "in_channels": channels,
            "feat_channels": channels,
            "anchor_generator": {"type": "AnchorGenerator", "scales": [8], "ratios": [0.5, 1, 2], "strides": strides},
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
            "mask_head": {**mask_head, "num_classes": 1, "norm_cfg": norm},
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
    MMLogger.get_current_instance().setLevel("WARNING")
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
        inputs.append(255 * shapes.images[k])
        found.append(sample)
    return {"inputs": inputs, "data_samples": found}


def losses(model: MaskRCNN, shapes: Shapes, chosen: Tensor) -> dict[str, Tensor]:
    """One step of mmdet's: its losses, those that are lists summed."""
    found = model(**model.data_preprocessor(samples(shapes, chosen), True), mode="loss")
    return {name: value for name, value in model.parse_losses(found)[1].items() if name.startswith("loss_")}


def masks(model: MaskRCNN, shapes: Shapes) -> Tensor:
    """What the mask branch says on the true boxes."""
    data = model.data_preprocessor(samples(shapes, torch.arange(len(shapes.boxes))))
    features = model.extract_feat(data["inputs"])
    logits: Tensor = model.roi_head._mask_forward(features, bbox2roi(list(shapes.boxes[:, None])))["mask_preds"]
    return logits[:, 0]


HOST = Host(build_model, losses, masks, rate=5e-3, steps=150)


def main(arguments: Sequence[str] | None = None) -> Scores:
    """Run as the command line says; returns what it prints."""
    return HOST.run(__doc__, arguments)


if __name__ == "__main__":
    main()
