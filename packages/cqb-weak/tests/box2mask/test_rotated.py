import math

import pytest
import torch

from cqb_weak.box2mask.rotated import slanted_lines


def box(height: int, width: int, y0: int, x0: int, y1: int, x1: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows, cols = torch.arange(height), torch.arange(width)
    return ((rows >= y0) & (rows < y1))[None], ((cols >= x0) & (cols < x1))[None]


def slow_lines(rows: torch.Tensor, cols: torch.Tensor, angle: float) -> list[tuple[set, str]]:
    """Lines as sets of their cells in the grid, and what the box says of them, in loops."""
    height, width = rows.shape[1], cols.shape[1]
    drop = [round((x - (width - 1) / 2) * math.tan(math.radians(angle))) for x in range(width)]
    lines = []
    for start in range(-200, 200):
        cells = {(start + drop[x], x) for x in range(width)}
        grid = {cell for cell in cells if 0 <= cell[0] < height}
        boxed = {(y, x) for y, x in grid if rows[0, y] and cols[0, x]}
        crosses = len(boxed) == int(cols.sum()) > 0
        if grid:
            lines.append((boxed, "positive") if crosses else (grid, "undecided" if boxed else "negative"))
    return lines


@pytest.mark.parametrize("angle", [-45.0, -30.0, 0.0, 10.0, 40.0])
def test_same_lines_as_loops(angle):
    rows, cols = box(9, 12, 2, 3, 7, 8)
    logits = torch.arange(108.0).reshape(1, 9, 12)
    lines = slanted_lines(logits, rows, cols, angle)
    got = []
    for k in range(lines.logits.shape[1]):
        cells = {(int(v) // 12, int(v) % 12) for v in lines.logits[0, k][lines.member[0, k]]}
        label = "positive" if lines.positive[0, k] else "negative"
        got.append((cells, label if lines.decided[0, k] else "undecided"))
    assert got == slow_lines(rows, cols, angle)
    assert {label for _, label in got} >= {"positive", "negative"}


def test_angle_0_is_the_rows():
    rows, cols = box(5, 6, 1, 2, 4, 5)
    lines = slanted_lines(torch.zeros(1, 5, 6), rows, cols, 0.0)
    assert torch.equal(lines.positive, rows)
    assert lines.decided.all()


@pytest.mark.parametrize("angle", [-45.0, -17.0, 45.0])
def test_every_cell_lies_on_one_line(angle):
    rows, cols = box(7, 10, 0, 0, 0, 0)
    lines = slanted_lines(torch.arange(70.0).reshape(1, 7, 10), rows, cols, angle)
    assert sorted(lines.logits[lines.member].tolist()) == list(range(70))
    assert lines.member.any(-1).all()


def test_flipping_the_mask_flips_the_angle():
    rows, cols = box(9, 12, 2, 3, 7, 8)
    one = slanted_lines(torch.zeros(1, 9, 12), rows, cols, 25.0)
    other = slanted_lines(torch.zeros(1, 9, 12), rows, cols.flip(1), -25.0)
    assert torch.equal(one.positive, other.positive)
    assert torch.equal(one.member, other.member.flip(2))
