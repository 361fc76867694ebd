"""Bags of cells along slanted lines, which fit a shape more closely than rows and columns (Wang & Xia 2021).

An object touches all four sides of its box and hangs together, so any line that runs through the box from one side to
the opposite side meets it. A line that cuts off a corner may miss it and teaches nothing.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor


class Lines(NamedTuple):
    """The cells of parallel lines that cross an h x w grid, one cell a column, and what the box says of each line."""

    logits: Float[Tensor, "n l w"]
    member: Bool[Tensor, "n l w"]
    positive: Bool[Tensor, "n l"]
    decided: Bool[Tensor, "n l"]


def slanted_lines(
    mask_logits: Float[Tensor, "n h w"], rows: Bool[Tensor, "n h"], cols: Bool[Tensor, "n w"], angle: float
) -> Lines:
    """Lines that rise by `angle` degrees (-45 to 45) against the rows; they cover every cell once.

    A line is positive when it stays inside the box from the box's first to its last column: its bag is its cells in the
    box. It is negative when it has no cell in the box. The others are undecided.
    """
    height, width = mask_logits.shape[-2:]
    y = _line_rows(height, width, angle, mask_logits.device)
    inside_grid = (y >= 0) & (y < height)
    y = y.clamp(0, height - 1)
    x = torch.arange(width, device=y.device)
    in_rows = rows[:, y] & inside_grid
    in_box = in_rows & cols[:, None, :]
    met = in_box.any(-1)
    positive = met & (in_rows | ~cols[:, None, :]).all(-1)
    member = torch.where(positive[..., None], in_box, inside_grid)
    return Lines(mask_logits[:, y, x], member, positive, positive | ~met)


def _line_rows(height: int, width: int, angle: float, device: torch.device) -> Tensor:
    """`l w` int64: the row, which may lie outside the grid, of each line in each column; no line misses the grid."""
    slope = math.tan(math.radians(angle))
    shift = [round((x - (width - 1) / 2) * slope) for x in range(width)]
    first, last = -max(shift), height - min(shift)
    return torch.arange(first, last, device=device)[:, None] + torch.tensor(shift, device=device)
