"""Drawn images of one thin shape each, with its mask and its box, and how masks are scored over the cells of boxes.

What the examples of Box2Mask have in common. They learn from the boxes; the masks are for the evaluation alone.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

FACTOR = 1.3
"""How much wider than a box the frame is from which a mask is predicted."""


class Shapes(NamedTuple):
    """Images (sRGB from 0 to 1) with one shape each: its mask, and its box, xyxy in pixels."""

    images: Float[Tensor, "b 3 h w"]
    masks: Bool[Tensor, "b h w"]
    boxes: Float[Tensor, "b 4"]


def draw_shapes(count: int, generator: torch.Generator, side: int) -> Shapes:
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
    maps: Float[Tensor, "n c h w"], frames: Float[Tensor, "n 4"], size: tuple[int, int]
) -> Float[Tensor, "n c hh ww"]:
    """The part of each map under its frame, 2 x 2 bilinear samples a cell; 0 beyond the map."""
    height, width = maps.shape[-2:]
    x, y = (
        frames[:, k, None] + (frames[:, k + 2] - frames[:, k])[:, None] * (torch.arange(2 * cells) + 0.5) / (2 * cells)
        for k, cells in ((0, size[1]), (1, size[0]))
    )
    grid = torch.stack(torch.broadcast_tensors((x / width)[:, None, :], (y / height)[:, :, None]), -1) * 2 - 1
    return avg_pool2d(grid_sample(maps, grid, align_corners=False), 2)


def true_masks(shapes: Shapes, size: tuple[int, int]) -> Bool[Tensor, "b h w"]:
    """The masks over the cells of the boxes."""
    return crop(shapes.masks[:, None].float(), shapes.boxes, size)[:, 0] > 0.5


def mask_iou(masks: Bool[Tensor, "n h w"], truth: Bool[Tensor, "n h w"]) -> float:
    """Mean IoU of pairs of masks that are not both empty."""
    return float(((masks & truth).sum((1, 2)) / (masks | truth).sum((1, 2))).mean())


def filled_iou(shapes: Shapes, size: tuple[int, int]) -> float:
    """Mean IoU of the filled boxes with the masks: what a head reaches that never looks at the image."""
    truth = true_masks(shapes, size)
    return mask_iou(torch.ones_like(truth), truth)


class Scores(NamedTuple):
    """Mean mask IoU on the true boxes of new images, of a host before and after training, and of filled boxes."""

    before: float
    after: float
    filled: float


def report(scores: Scores, history: dict[str, list[float]]) -> None:
    """Print the scores, and each loss at the first and the last step."""
    print("mask IoU on the boxes of new images, trained on boxes alone")
    for name, value in scores._asdict().items():
        print(f"  {name:<8}{value:.3f}")
    for name, values in history.items():
        print(f"  {name}: {values[0]:.3f} at first, {values[-1]:.3f} at last")
