"""Box2Mask with nothing but torch: a small network learns the masks of drawn shapes from their boxes.

    python -m cqb_weak.examples.box2mask_crops [--steps 500] [--seed 0] [--csv FILE]

It trains twice: with both guards against filled rectangles (random frames, ties between like colours), and without
them. It prints the mask IoU of either on new images, beside that of the filled boxes.
"""

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from cqb_weak.box2mask import Box2MaskLoss, bags, narrow, roi_colours, widen

SIDE = 64
CELLS = (20, 20)
FACTOR = 1.3
MEAN, DEVIATION = 0.5, 0.25


class Shapes(NamedTuple):
    """Images (sRGB from 0 to 1) with one shape each: its mask, and its box, xyxy in pixels."""

    images: Float[Tensor, "b 3 h w"]
    masks: Bool[Tensor, "b h w"]
    boxes: Float[Tensor, "b 4"]


class Scores(NamedTuple):
    """Mean IoU with the true masks, over the cells of the true boxes."""

    guarded: float
    unguarded: float
    filled: float


def draw_shapes(count: int, generator: torch.Generator, side: int = SIDE) -> Shapes:
    """Thin ellipses and triangles, turned at random, on a textured ground; colours differ from image to image."""

    def uniform(low: float, high: float) -> Float[Tensor, "b 1 1"]:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    y, x = torch.meshgrid(torch.arange(side) + 0.5, torch.arange(side) + 0.5, indexing="ij")
    dx, dy = x - side * uniform(0.4, 0.6), y - side * uniform(0.4, 0.6)
    turn, long, short = uniform(0.0, math.pi), side * uniform(0.22, 0.32), side * uniform(0.07, 0.13)
    along, across = dx * turn.cos() + dy * turn.sin(), dy * turn.cos() - dx * turn.sin()
    ellipses = (along / long) ** 2 + (across / short) ** 2 < 1
    corners = [turn + k * 2 * math.pi / 3 for k in range(3)]
    sides = [dx * angle.cos() + dy * angle.sin() < long / 2 for angle in corners]
    masks = torch.where(uniform(0.0, 1.0) < 0.5, ellipses, sides[0] & sides[1] & sides[2])
    return Shapes(_painted(masks, generator), masks, torch.stack([_box(mask) for mask in masks]))


def _painted(masks: Bool[Tensor, "b h w"], generator: torch.Generator) -> Float[Tensor, "b 3 h w"]:
    count, side = len(masks), masks.shape[-1]
    ground = torch.rand(count, 3, 1, 1, generator=generator)
    direction = torch.randn(count, 3, 1, 1, generator=generator)
    shape = ground + 0.6 * direction / torch.linalg.vector_norm(direction, dim=1, keepdim=True)
    texture = interpolate(
        torch.randn(count, 3, side // 4, side // 4, generator=generator), (side, side), mode="bilinear"
    )
    grain = torch.randn(count, 3, side, side, generator=generator)
    return (torch.where(masks[:, None], shape, ground) + 0.04 * texture + 0.02 * grain).clamp(0, 1)


def _box(mask: Bool[Tensor, "h w"]) -> Float[Tensor, "4"]:
    y, x = mask.nonzero().unbind(1)
    return torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()


def crop(
    maps: Float[Tensor, "n c h w"], frames: Float[Tensor, "n 4"], size: tuple[int, int] = CELLS
) -> Float[Tensor, "n c hh ww"]:
    """The part of each map under its frame, 2 x 2 bilinear samples a cell; 0 beyond the map."""
    height, width = maps.shape[-2:]
    x, y = (
        frames[:, k, None] + (frames[:, k + 2] - frames[:, k])[:, None] * (torch.arange(2 * cells) + 0.5) / (2 * cells)
        for k, cells in ((0, size[1]), (1, size[0]))
    )
    grid = torch.stack(torch.broadcast_tensors((x / width)[:, None, :], (y / height)[:, :, None]), -1) * 2 - 1
    return nn.functional.avg_pool2d(nn.functional.grid_sample(maps, grid, align_corners=False), 2)


class CropNet(nn.Module):
    """A mask head on pixels: convolutions at full and at half resolution, and the mean colour along the crop's edge."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        wide = 2 * channels
        self.fine = _block(3, channels)
        self.coarse = nn.Sequential(
            _block(channels, wide, stride=2), _block(wide, wide), _block(wide, wide, dilation=2)
        )
        self.context = _block(2 * wide, wide)
        self.head = nn.Sequential(
            nn.Conv2d(channels + wide, channels, 1), nn.ReLU(), nn.Conv2d(channels, 1, 3, padding=1)
        )

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n h w"]:
        """Mask logits of crops of colours from 0 to 1; h and w even."""
        fine = self.fine((x - MEAN) / DEVIATION)
        coarse = self.coarse(fine)
        edge = torch.cat([coarse[..., 0, :], coarse[..., -1, :], coarse[..., 0], coarse[..., -1]], -1).mean(-1)
        coarse = self.context(torch.cat([coarse, edge[..., None, None].expand_as(coarse)], 1))
        return self.head(torch.cat([fine, interpolate(coarse, scale_factor=2.0)], 1))[:, 0]  # type: ignore[no-any-return]


def _block(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation)
    return nn.Sequential(conv, nn.GroupNorm(4, outputs), nn.ReLU())


def train(shapes: Shapes, steps: int, seed: int, guarded: bool) -> CropNet:
    """A network that has seen boxes alone."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = CropNet()
    optimizer = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    loss = Box2MaskLoss(structure_weight=1.0) if guarded else Box2MaskLoss()
    for _ in range(steps):
        chosen = torch.randint(len(shapes.boxes), (16,), generator=generator)
        images, boxes = shapes.images[chosen], shapes.boxes[chosen]
        frames = widen(boxes, FACTOR, jitter=0.3 if guarded else 0.0, generator=generator)
        colours = roi_colours(images, torch.arange(len(boxes)), frames, CELLS) if guarded else None
        terms = loss(net(crop(images, frames)), frames, boxes, colours=colours)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        schedule.step()
    return net


def mask_iou(masks: Bool[Tensor, "n h w"], truth: Bool[Tensor, "n h w"]) -> float:
    """Mean IoU of pairs of masks that are not both empty."""
    return float(((masks & truth).sum((1, 2)) / (masks | truth).sum((1, 2))).mean())


@torch.no_grad()
def score(net: CropNet, shapes: Shapes) -> float:
    """Mean IoU with the true masks, of masks predicted in wide frames and brought back to the boxes."""
    logits = net(crop(shapes.images, widen(shapes.boxes, FACTOR)))
    return mask_iou(narrow(logits[:, None], FACTOR)[:, 0] > 0, true_masks(shapes))


def true_masks(shapes: Shapes) -> Bool[Tensor, "n h w"]:
    """The masks over the cells of the boxes."""
    return crop(shapes.masks[:, None].float(), shapes.boxes)[:, 0] > 0.5


def run(steps: int, seed: int) -> Scores:
    """Draw, train with and without the guards, and score on new shapes."""
    generator = torch.Generator().manual_seed(seed)
    seen, new = draw_shapes(256, generator), draw_shapes(128, generator)
    rows, cols = bags(new.boxes, new.boxes, CELLS)
    guarded, unguarded = (score(train(seen, steps, seed, guarded), new) for guarded in (True, False))
    return Scores(guarded, unguarded, mask_iou(rows[:, :, None] & cols[:, None], true_masks(new)))


def main(arguments: Sequence[str] | None = None) -> Scores:
    """Run as the command line says; returns what it prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="append a row to this file")
    options = parser.parse_args(arguments)
    scores = run(options.steps, options.seed)
    print("mask IoU on new images, trained on boxes alone")
    for name, value in scores._asdict().items():
        print(f"  {name:<10}{value:.3f}")
    if options.csv:
        _append(options.csv, options.steps, options.seed, scores)
    return scores


def _append(path: Path, steps: int, seed: int, scores: Scores) -> None:
    command = f"python -m cqb_weak.examples.box2mask_crops --steps {steps} --seed {seed}"
    row = {"seed": seed, "steps": steps, **{k: f"{v:.4f}" for k, v in scores._asdict().items()}, "command": command}
    begun = path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if not begun:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
