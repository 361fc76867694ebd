"""A plain segmentation network learns pixels from image tags alone, by Cls2Pixel.

    python -m cqb_weak.examples.segmentation_cls2pixel --steps 300 --seed 0

The images are drawn: two regions, each of a class. The class is told by sparse marks only (dashes, posts, dots,
crosses); a region's colour is drawn anew for each image. Activation maps therefore fire on the marks, and what lies
between them has to be inferred from colour and position, which is what the CRF behind the pseudo labels and the dense
energy do. No pixel label is used in training.
"""

import argparse
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from cqb_weak.cls2pixel import ClassBranch, Cls2PixelLoss, DenseCrf, DenseEnergy, Reliability, normalised

CLASSES = ("field", "forest", "water", "road")
MARKS = torch.tensor(
    [
        [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
        [[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]],
        [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]],
        [[1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]],
    ],
    dtype=torch.bool,
)
"""The mark of each class, on a tile of 4 pixels a side."""
SIDE = 48


@dataclass(frozen=True)
class Drawing:
    """Images with their labels.

    Args:
        image: red, green, blue from 0 to 255.
        labels: class of each pixel, for the evaluation.
        tags: the classes of each image, for the training.
    """

    image: Float[Tensor, "b 3 h w"]
    labels: Int[Tensor, "b h w"]
    tags: Bool[Tensor, "b s"]


def draw(count: int, generator: torch.Generator) -> Drawing:
    """Images of two regions around random centres; both may be of one class."""

    def random(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    centres, kinds = random(count, 2, 2) * SIDE, torch.randint(len(CLASSES), (count, 2), generator=generator)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    place = torch.stack([y, x], -1).view(1, 1, SIDE, SIDE, 2) + 0.5
    region = (place - centres[:, :, None, None]).square().sum(-1).argmin(1)
    labels = torch.take_along_dim(kinds, region.flatten(1), 1).view_as(region)
    colours = random(count, 2, 3) * 160
    image = torch.take_along_dim(colours, region.flatten(1).unsqueeze(-1), 1).mT.unflatten(2, (SIDE, SIDE))
    shown = (random(count, SIDE // 4, SIDE // 4) < 0.35).repeat_interleave(4, 1).repeat_interleave(4, 2)
    marks = MARKS.repeat(1, SIDE // 4, SIDE // 4)
    marked = shown & torch.take_along_dim(marks.expand(count, -1, -1, -1), labels.unsqueeze(1), 1).squeeze(1)
    image = image + marked.unsqueeze(1) * 80.0 + torch.randn(image.shape, generator=generator) * 4
    tags = (labels.flatten(1).unsqueeze(-1) == torch.arange(len(CLASSES))).any(1)
    return Drawing(image.clamp(0, 255), labels, tags)


class Segmentation(nn.Module):
    """The host: a few convolutions at stride 2 and a logit a class. Cls2Pixel adds the class branch."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        self.texture = nn.Sequential(
            _block(3, channels // 2), _block(channels // 2, channels, stride=2), _block(channels, channels)
        )
        self.context = nn.Sequential(
            *(_block(channels, channels, dilation=dilation) for dilation in (2, 4, 2)),
            nn.Conv2d(channels, len(CLASSES), 1),
        )
        self.class_branch = ClassBranch(channels, len(CLASSES), dropout=0.2)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor]:
        """Feature and logits, at half the image's size."""
        feature = self.texture(image / 128 - 1)
        return feature, self.context(feature)


def train(model: Segmentation, steps: int, generator: torch.Generator, images: int = 256) -> list[dict[str, float]]:
    """Train on tags alone; gives the terms of each step."""
    drawing, batch = draw(images, generator), 8
    rule = Reliability(crf=DenseCrf(gaussian_xy=3.0, bilateral_xy=24.0, iterations=5))
    loss = Cls2PixelLoss(warm_up=steps // 3, rule=rule, energy=DenseEnergy(xy=12.0, side=24))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=max(2, steps), pct_start=0.2)
    history = []
    model.train()
    for step in range(steps):
        chosen = torch.randint(images, (batch,), generator=generator)
        image, tags = drawing.image[chosen], drawing.tags[chosen]
        feature, logits = model(image)
        terms = loss(logits, model.class_branch(feature), model.class_branch.maps(feature), image, tags, step)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        schedule.step()
        history.append({name: term.item() for name, term in terms.items()})
    return history


@torch.no_grad()
def evaluate(model: Segmentation, drawing: Drawing) -> dict[str, float]:
    """MIoU of the segmentation and of the activation maps, all told the tags of each image.

    "maps" takes the largest map everywhere; "thresholded maps" leaves pixels open where it is below 0.3.
    """
    model.eval()
    feature, logits = model(drawing.image)
    absent, size = ~drawing.tags[:, :, None, None], drawing.labels.shape[1:]
    found, highest = {}, drawing.labels
    for name, scores in (("segmentation", logits), ("maps", normalised(model.class_branch.maps(feature)))):
        enlarged = interpolate(scores, size, mode="bilinear", align_corners=False).masked_fill(absent, -torch.inf)
        highest, found[name] = enlarged.max(1)
    found["thresholded maps"] = found["maps"].masked_fill(highest < 0.3, len(CLASSES))
    return {name: mean_iou(prediction, drawing.labels) for name, prediction in found.items()}


def mean_iou(prediction: Int[Tensor, "b h w"], labels: Int[Tensor, "b h w"]) -> float:
    """Mean over the classes of intersection over union, counted over all images."""
    classes = torch.arange(len(CLASSES)).view(-1, 1)
    predicted, wanted = prediction.flatten() == classes, labels.flatten() == classes
    return ((predicted & wanted).sum(1) / (predicted | wanted).sum(1).clamp(min=1)).mean().item()


def _block(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(4, outputs), nn.ReLU())


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, print mIoU before and after on images that the training did not see, and give the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300, help="optimiser steps of 8 images")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    model, unseen = Segmentation(), draw(64, torch.Generator().manual_seed(1_000_000 + options.seed))
    before = evaluate(model, unseen)["segmentation"]
    train(model, options.steps, generator)
    after = evaluate(model, unseen)
    print("mIoU on images that the training did not see")
    print(f"{'segmentation before':<24}{before:.3f}")
    for name, value in after.items():
        print(f"{name + ' after':<24}{value:.3f}")
    return {"before": before, **after}


if __name__ == "__main__":
    main()
