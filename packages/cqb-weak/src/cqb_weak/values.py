"""What the numbers in the arguments must be, looked at once a call, when the result is there.

To look at a number on a GPU is to wait for it. So a function notes what healthy arguments keep to, computes, and looks
at all that it noted together: one wait a call. Of numbers that nobody has looked at yet only an index can do harm, and
`Values.index` gives one that cannot. Nothing is noted or looked at while torch.compile traces. cqb-graph has
the like.
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import torch
from jaxtyping import Float, Integer
from torch import Tensor

_LARGEST = sys.float_info.max
_LEAST = math.nextafter(0.0, 1.0)


class Values:
    """Scalars of one call with the limits that they keep on healthy arguments, and who names the culprit otherwise."""

    def __init__(self) -> None:
        self.scalars: list[Tensor] = []
        self.limits: list[tuple[int | float, int | float]] = []
        self.accusers: list[Callable[[], None]] = []

    def note(self, scalars: Iterable[Tensor], low: int | float, high: int | float, accuse: Callable[[], None]) -> None:
        """Look later whether the scalars are from `low` to `high`; `accuse` raises ValueError where they are not."""
        for scalar in scalars:
            self.scalars.append(scalar)
            self.limits.append((low, high))
        self.accusers.append(accuse)

    def index(self, name: str, index: Integer[Tensor, "*n"], count: int) -> Integer[Tensor, "*n"]:
        """The index in int64, moved into 0..count-1 where it is outside; `check` will then name the first such place.

        Raises ValueError at once where no number is inside, count being 0.
        """
        index = index.long()
        if torch.compiler.is_compiling() or not index.numel():
            return index
        accuse = partial(_accuse_index, name, index, count)
        if not count:
            accuse()
        self.note(torch.aminmax(index), 0, count - 1, accuse)
        return index.clamp(0, count - 1)

    def boxes(self, *, empty: bool = False, **boxes: Float[Tensor, "_ 4"]) -> None:
        """Boxes, xyxy, must be finite and not inverted, nor empty unless that is allowed. They may leave an image."""
        if torch.compiler.is_compiling():
            return
        corners = torch.cat(list(boxes.values())) if len(boxes) > 1 else next(iter(boxes.values()))
        if len(corners):
            extremes = torch.aminmax(corners[:, 2:] - corners[:, :2])
            self.note(extremes, 0.0 if empty else _LEAST, _LARGEST, partial(_accuse_boxes, empty, boxes))

    def check(self, results: Sequence[Tensor] = (), **causes: Tensor) -> None:
        """Look at all that was noted, and whether the scalars `results`, which came of `causes`, are finite.

        Raises ValueError that names the argument, where in it, what was wanted and what came.
        """
        if torch.compiler.is_compiling():
            return
        numbers = read([*self.scalars, *results])
        kept = (low <= number <= high for number, (low, high) in zip(numbers, self.limits, strict=False))
        if all(kept) and all(map(math.isfinite, numbers)):
            return
        for accuse in self.accusers:
            accuse()
        _accuse_infinite(causes)


def finite(results: Sequence[Tensor], **causes: Tensor) -> None:
    """ValueError that names the argument with a NaN or an infinity, when one of the scalars `results` has one.

    Sums will do for results, in half precision too: one that overflows has its causes looked at, no more.
    """
    if not torch.compiler.is_compiling() and not all(map(math.isfinite, read(results))):
        _accuse_infinite(causes)


def sums(*tensors: Tensor) -> list[Tensor]:
    """A scalar each, which is finite where all numbers of the tensor are; one of half precision does not overflow."""
    return [tensor.detach().sum(dtype=torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors]


def read(scalars: Sequence[Tensor]) -> list[int | float]:
    """The numbers in some scalars of one device, after one wait for it; rounded to float32 unless it is a processor."""
    if not scalars or scalars[0].is_cpu:
        return [scalar.item() for scalar in scalars]
    return torch.stack([scalar.detach().to(torch.float32) for scalar in scalars]).tolist()


def _accuse_index(name: str, index: Tensor, count: int) -> None:
    outside = (index < 0) | (index >= count)
    if bool(outside.any()):
        where = tuple(outside.nonzero()[0].tolist())
        place, got = ", ".join(map(str, where)), index[where].item()
        raise ValueError(f"{name}[{place}]: wanted a whole number from 0 to {count - 1}, got {got}")


def _accuse_boxes(empty: bool, boxes: Mapping[str, Tensor]) -> None:
    wanted = "x0 <= x1 and y0 <= y1, finite (xyxy)" if empty else "finite x0 < x1 and y0 < y1 (xyxy)"
    for name, xyxy in boxes.items():
        size = xyxy[:, 2:] - xyxy[:, :2]
        good = ((size >= 0 if empty else size > 0) & (size < torch.inf)).all(1)
        if not bool(good.all()):
            row = int((~good).nonzero()[0])
            raise ValueError(f"{name}[{row}]: wanted {wanted}, got {xyxy[row].tolist()}")


def _accuse_infinite(causes: Mapping[str, Tensor]) -> None:
    for name, tensor in causes.items():
        bad = ~torch.isfinite(tensor)
        if bool(bad.any()):
            where = tuple(bad.nonzero()[0].tolist())
            raise ValueError(f"{name}: wanted finite numbers, got {tensor[where].item()} at {where}")
