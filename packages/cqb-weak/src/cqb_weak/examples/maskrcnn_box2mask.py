"""Box2Mask in torchvision's Mask R-CNN: a small one, with random weights, learns masks from boxes alone.

    pip install cqb-weak torchvision
    python -m cqb_weak.examples.maskrcnn_box2mask [--steps 200] [--seed 0]

torchvision is used as it is: `BoxedRoIHeads` takes the place of the model's `roi_heads`, built from the same parts. It
prints the IoU of the masks that the mask branch gives on the true boxes of new images, before and after training,
beside that of the filled boxes.
"""

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cqb_weak import Box2Mask
from cqb_weak.examples.boxed_shapes import Scores, Shapes
from cqb_weak.examples.boxed_training import SIDE, Host

try:
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.models.detection.roi_heads import RoIHeads
    from torchvision.models.detection.rpn import AnchorGenerator
    from torchvision.ops import MultiScaleRoIAlign
except ModuleNotFoundError as error:
    sys.exit(f"this example needs torchvision: pip install torchvision ({error})")

CHANNELS = 32
BOX2MASK = Box2Mask()


class BoxedRoIHeads(RoIHeads):
    """RoI heads whose mask branch learns from the targets' boxes; targets need no masks.

    In training the base class sees no mask branch, and the sampled positives go through `boxed_loss`. In use the
    branch sees wide frames, and its masks are brought back to the boxes.
    """

    images: Tensor

    def has_mask(self) -> bool:
        """Whether the base class should run the mask branch."""
        return not self.training

    def select_training_samples(self, proposals: list[Tensor], targets: list[dict[str, Tensor]]) -> Any:
        """As the base class; keeps what it samples for the mask branch."""
        self.sampled = super().select_training_samples(proposals, targets)
        return self.sampled

    def forward(self, features: Any, proposals: Any, image_shapes: Any, targets: Any = None) -> tuple[list[Any], Any]:
        """As the base class, with `loss_mil` and `loss_structure` in place of `loss_mask`."""
        results, losses = super().forward(features, proposals, image_shapes, targets)
        if self.training:
            return results, {**losses, **self.boxed_loss(features, image_shapes, targets)}
        for result in results:
            result["masks"] = BOX2MASK.fitted(result["masks"])
        return results, losses

    def boxed_loss(self, features: Any, image_shapes: Any, targets: Any) -> dict[str, Tensor]:
        """Box2Mask on the positive proposals, in frames that lie around them at random."""
        proposals, matches, labels, _ = self.sampled
        rows = [(label > 0).nonzero().flatten() for label in labels]
        frames = BOX2MASK.frames([boxes[own] for boxes, own in zip(proposals, rows, strict=True)])
        matched = zip(targets, matches, rows, strict=True)
        gt_boxes = [target["boxes"][match[own]] for target, match, own in matched]
        classes = [label[own] for label, own in zip(labels, rows, strict=True)]
        logits = self.mask_predictor(self.mask_head(self.mask_roi_pool.pool(features, frames, image_shapes)))
        return BOX2MASK(logits, frames, gt_boxes, classes, images=self.images)


class WidePool(nn.Module):
    """A RoI pooling over frames wider than the boxes that it is given."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, features: Any, boxes: list[Tensor], image_shapes: Any) -> Tensor:
        """As the pooling inside."""
        return self.pool(features, [BOX2MASK.wide(own) for own in boxes], image_shapes)  # type: ignore[no-any-return]


def learn_from_boxes(model: MaskRCNN) -> MaskRCNN:
    """The model, changed in place, so that its mask branch learns from boxes."""
    old = model.roi_heads
    loss_options = old.proposal_matcher.high_threshold, old.proposal_matcher.low_threshold
    sampling = old.fg_bg_sampler.batch_size_per_image, old.fg_bg_sampler.positive_fraction
    detection = old.score_thresh, old.nms_thresh, old.detections_per_img
    boxes = old.box_roi_pool, old.box_head, old.box_predictor
    masks = WidePool(old.mask_roi_pool), old.mask_head, old.mask_predictor
    heads = BoxedRoIHeads(*boxes, *loss_options, *sampling, old.box_coder.weights, *detection, *masks)
    mean, std = (
        torch.tensor(values)[:, None, None] for values in (model.transform.image_mean, model.transform.image_std)
    )

    def keep_images(_: nn.Module, inputs: tuple[Tensor]) -> None:
        heads.images = (inputs[0] * std.to(inputs[0]) + mean.to(inputs[0])).clamp(0, 1)

    model.backbone.register_forward_pre_hook(keep_images)
    model.roi_heads = heads
    return model


def build_model() -> MaskRCNN:
    """A Mask R-CNN for images of `SIDE` pixels and one class, with random weights."""

    def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(4, outputs), nn.ReLU())

    backbone = nn.Sequential(block(3, 16, 2), block(16, CHANNELS, 2), block(CHANNELS, CHANNELS, 1))
    backbone.out_channels = CHANNELS  # type: ignore[assignment]
    size = {"min_size": SIDE, "max_size": SIDE}
    proposals = {"rpn_pre_nms_top_n_train": 200, "rpn_post_nms_top_n_train": 50, "box_batch_size_per_image": 32}
    return MaskRCNN(
        backbone,
        **size,
        **proposals,
        rpn_anchor_generator=AnchorGenerator(((24, 36, 56),), ((0.5, 1.0, 2.0),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], 7, 2),
        box_head=TwoMLPHead(CHANNELS * 7 * 7, 64),
        box_predictor=FastRCNNPredictor(64, 2),
        mask_roi_pool=MultiScaleRoIAlign(["0"], 14, 2),
        mask_head=MaskRCNNHeads(CHANNELS, (CHANNELS, CHANNELS, CHANNELS), 1),
        mask_predictor=MaskRCNNPredictor(CHANNELS, CHANNELS, 2),
    )


def losses(model: MaskRCNN, shapes: Shapes, chosen: Tensor) -> dict[str, Tensor]:
    """What torchvision is given: images, boxes and labels, no masks."""
    targets = [{"boxes": shapes.boxes[k, None], "labels": torch.ones(1, dtype=torch.long)} for k in chosen]
    found: dict[str, Tensor] = model(list(shapes.images[chosen]), targets)
    return found


def masks(model: MaskRCNN, shapes: Shapes) -> Tensor:
    """What the mask branch says on the true boxes."""
    images, _ = model.transform(list(shapes.images))
    heads, boxes = model.roi_heads, list(shapes.boxes[:, None])
    features = {"0": model.backbone(images.tensors)}
    logits = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(features, boxes, images.image_sizes)))
    return BOX2MASK.fitted(logits[:, 1:])[:, 0]


HOST = Host(lambda: learn_from_boxes(build_model()), losses, masks, rate=3e-3, steps=200)


def main(arguments: Sequence[str] | None = None) -> Scores:
    """Run as the command line says; returns what it prints."""
    return HOST.run(__doc__, arguments)


if __name__ == "__main__":
    main()
