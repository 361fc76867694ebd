"""torchvision's Faster R-CNN learns from tags with Cls2Box: a few boxed images, many tagged ones, drawn.

    pip install cqb-weak torchvision
    python -m cqb_weak.examples.fasterrcnn_cls2box [--seed 0] [--steps 100]

The model is a small one with random weights; `regions` is all that Cls2Box needs of it and works for every
`torchvision.models.detection.FasterRCNN`. Prints CorLoc on the tagged images and the losses, before and after.
"""

import argparse
import sys

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cqb_weak import Cls2Box
from cqb_weak.cls2box import detector_probabilities
from cqb_weak.examples.tagged_shapes import NUM_CLASSES, TaggedShapes, draw
from cqb_weak.ragged import image_index

try:
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.ops import MultiScaleRoIAlign
except ModuleNotFoundError as error:
    sys.exit(f"this example needs torchvision: pip install torchvision ({error})")

SIZE, WIDTH = 64, 64


class Backbone(nn.Sequential):
    """Three strided convolutions."""

    out_channels = 32


def small_faster_rcnn() -> FasterRCNN:
    """One level of anchors, 32 proposals an image; t classes and background."""
    layers: list[nn.Module] = []
    for channels, width in ((3, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(channels, width, 3, 2, 1), nn.GroupNorm(4, width), nn.ReLU()]
    return FasterRCNN(
        Backbone(*layers),
        rpn_anchor_generator=AnchorGenerator(((16, 24, 34),), ((0.6, 1.0, 1.7),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], 5, 2),
        box_head=TwoMLPHead(32 * 5 * 5, WIDTH),
        box_predictor=FastRCNNPredictor(WIDTH, NUM_CLASSES + 1),
        min_size=SIZE,
        max_size=SIZE,
        rpn_post_nms_top_n_train=32,
        rpn_post_nms_top_n_test=32,
        box_batch_size_per_image=32,
    )


def regions(
    model: FasterRCNN, images: list[Tensor]
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n t_bg"], list[Float[Tensor, "_ 4"]]]:
    """What Cls2Box needs: RoI features, class logits with the background last (torchvision has it first), proposals."""
    batch, _ = model.transform(images)
    maps = model.backbone(batch.tensors)
    maps = {"0": maps} if isinstance(maps, Tensor) else maps
    model.rpn.eval()
    proposals, _ = model.rpn(batch, maps)
    model.rpn.train(model.training)
    features = model.roi_heads.box_head(model.roi_heads.box_roi_pool(maps, proposals, batch.image_sizes))
    logits, _ = model.roi_heads.box_predictor(features)
    return features, logits.roll(-1, dims=1), proposals


def boxed_loss(model: FasterRCNN, boxed: TaggedShapes, batch: Int[Tensor, " k"]) -> Float[Tensor, ""]:
    """The host's own losses on images with boxes."""
    own = [boxed.box_image == place for place in batch]
    targets = [{"boxes": boxed.boxes[rows], "labels": boxed.classes[rows] + 1} for rows in own]
    return torch.stack(list(model(list(boxed.images[batch]), targets).values())).sum()


@torch.no_grad()
def corloc(model: FasterRCNN, cls2box: Cls2Box, tagged: TaggedShapes) -> tuple[float, float]:
    """Share of tags whose best proposal overlaps by 0.5 or more: by the detector, and by the scores of Cls2Box."""
    model.eval()
    features, logits, proposals = regions(model, list(tagged.images))
    model.train()
    image, boxes = image_index(proposals), torch.cat(proposals)
    both = detector_probabilities(logits, NUM_CLASSES), cls2box.scores(features, logits, proposals)
    alone, coupled = (tagged.corloc(scores, boxes, image) for scores in both)
    return alone, coupled


def train(
    model: FasterRCNN, cls2box: Cls2Box, boxed: TaggedShapes, tagged: TaggedShapes | None, steps: int
) -> list[float]:
    """Boxes in every step and, where there are tags, Cls2Box beside them. The loss on tags after each step.

    The weight 0.1 is this example's: a detector that saw few boxes is easily pulled to parts of objects by the tags.
    """
    record = []
    optimizer = torch.optim.AdamW([*model.parameters(), *cls2box.parameters()], 2e-3)
    for _ in range(steps):
        total = boxed_loss(model, boxed, torch.randperm(len(boxed.images))[:4])
        if tagged is not None:
            batch = torch.randperm(len(tagged.images))[:8]
            terms = cls2box(*regions(model, list(tagged.images[batch])), tagged.tags[batch])
            total = total + 0.1 * terms["loss_cls2box"]
            record.append(terms["loss_cls2box"].item())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    return record


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Print and return CorLoc before and after the tags, and the loss on them in the first and last ten steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=100, help="steps with tags, after 100 with boxes only")
    parser.add_argument("--warm-up", type=int, default=100, help="steps with boxes only")
    given = parser.parse_args(arguments)
    torch.manual_seed(given.seed)
    boxed, tagged = draw(8, SIZE, given.seed), draw(80, SIZE, 1000 + given.seed)
    model, cls2box = small_faster_rcnn().train(), Cls2Box(WIDTH, NUM_CLASSES)
    train(model, cls2box, boxed, None, given.warm_up)
    before, _ = corloc(model, cls2box, tagged)
    record = train(model, cls2box, boxed, tagged, given.steps)
    after, coupled = corloc(model, cls2box, tagged)
    few = min(10, len(record))
    result = {
        "CorLoc of the detector before": before,
        "CorLoc of the detector after": after,
        "CorLoc of the coupled scores": coupled,
        "loss on tags, first steps": sum(record[:few]) / max(few, 1),
        "loss on tags, last steps": sum(record[-few:]) / max(few, 1),
    }
    for name, number in result.items():
        print(f"{name:<30} {number:.2f}")
    return result


if __name__ == "__main__":
    main()
