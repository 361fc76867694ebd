"""Frames in which a mask head cannot guess where the box is.

A proposal that fits its box well tells the head, whose convolutions feel the border of their input, where the box lies.
The head then fills the box, which satisfies every bag, and never looks at the image. So train it on frames that lie
around the proposals at random, and use it on wider ones, from which `narrow` brings the masks back to the boxes.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from cqb_weak.form import Form
from cqb_weak.options import within
from cqb_weak.values import Values

_BOXES = Form("boxes: floating n 4")
_MASKS = Form("masks: floating n c h w")


def widen(
    boxes: Float[Tensor, "n 4"],
    factor: float = 1.3,
    *,
    jitter: float = 0.0,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "n 4"]:
    """Boxes (xyxy) `factor` times as wide and high, each edge then moved at random; without gradient.

    They may leave the image.

    Args:
        boxes: each at least 0 wide and high.
        factor: 1 to 10.
        jitter: up to which share of the box's width or height an edge moves, 0 to 0.45: 0.3 for training, 0 in use.
        generator: draws the moves, on its own device; None: torch's.

    Raises:
        TypeError, ValueError: naming the argument that is wrong.
    """
    _BOXES.check(boxes)
    within("factor", factor, 1.0, 10.0)
    within("jitter", jitter, 0.0, 0.45)
    values = Values()
    values.boxes(empty=True, boxes=boxes)
    values.check()
    grown = boxes.new_tensor([-1, -1, 1, 1]) * ((factor - 1) / 2)
    if jitter:
        device = boxes.device if generator is None else generator.device
        moves = torch.rand(boxes.shape, generator=generator, device=device).to(boxes)
        grown = grown + (moves * 2 - 1) * jitter
    return (boxes + grown * (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)).detach()


def narrow(masks: Float[Tensor, "n c h w"], factor: float = 1.3) -> Float[Tensor, "n c h w"]:
    """Masks over `widen(boxes, factor)` as masks over the boxes themselves, bilinear, of the same number of cells."""
    _MASKS.check(masks)
    within("factor", factor, 1.0, 10.0)
    y, x = (
        (torch.arange(cells, device=masks.device, dtype=masks.dtype) * 2 + 1 - cells) / (cells * factor)
        for cells in masks.shape[-2:]
    )
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).expand(len(masks), -1, -1, -1)
    return grid_sample(masks, grid, padding_mode="border", align_corners=False)
