"""What the numbers in the arguments must be, looked at once a call, when the result is there.

To look at a number on a GPU is to wait for it. So a function notes what healthy arguments keep to, computes, and looks
at all that it noted together: one wait a call. Of numbers that nobody has looked at yet only an index can do harm, and
`Values.index` gives one that cannot. Nothing is noted or looked at while torch.compile traces. cqb-weak has
the like.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import torch
from jaxtyping import Int, Integer
from torch import Tensor


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

    def index(
        self, name: str, index: Integer[Tensor, "*n"], low: int, high: int, besides: int | None = None
    ) -> Integer[Tensor, "*n"]:
        """The index in int64, moved into `low` to `high` where it is outside; `check` then names the first such place.

        `besides`: a number that is let through as well. Raises ValueError at once where none is inside, low being
        above high.
        """
        index = index.long()
        if torch.compiler.is_compiling() or not index.numel():
            return index
        accuse = partial(_accuse_index, name, index, low, high, besides)
        if low > high:
            accuse()
        if besides is None:
            self.note(torch.aminmax(index), low, high, accuse)
            return index.clamp(low, high)
        passed = index == besides
        counted = index.masked_fill(passed, low)
        self.note(torch.aminmax(counted), low, high, accuse)
        return counted.clamp_(low, high).masked_fill_(passed, besides)

    def room(self, name: str, places: int, place: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """The places, each below `places`; `check` will say how many were wanted where one was not."""
        if torch.compiler.is_compiling() or not len(place):
            return place
        accuse = partial(_accuse_room, name, places, place)
        if not places:
            accuse()
        self.note([place.max()], 0, places - 1, accuse)
        return place.clamp(max=places - 1)

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


def sums(*tensors: Tensor) -> list[Tensor]:
    """A scalar each, which is finite where all numbers of the tensor are; one of half precision does not overflow."""
    return [tensor.detach().sum(dtype=torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors]


def read(scalars: Sequence[Tensor]) -> list[int | float]:
    """The numbers in some scalars of one device, after one wait for it; rounded to float32 unless it is a processor."""
    if not scalars or scalars[0].is_cpu:
        return [scalar.item() for scalar in scalars]
    return torch.stack([scalar.detach().to(torch.float32) for scalar in scalars]).tolist()


def _accuse_index(name: str, index: Tensor, low: int, high: int, besides: int | None) -> None:
    outside = (index < low) | (index > high)
    if besides is not None:
        outside &= index != besides
    if bool(outside.any()):
        where = tuple(outside.nonzero()[0].tolist())
        allowed = f"{low} to {high}" + ("" if besides is None else f" or {besides}")
        place, got = ", ".join(map(str, where)), index[where].item()
        raise ValueError(f"{name}[{place}]: wanted an integer from {allowed}, got {got}")


def _accuse_room(name: str, places: int, place: Tensor) -> None:
    most = int(place.max()) + 1
    if most > places:
        raise ValueError(f"{name}: wanted at least the most regions of an image, {most}, got {places}")


def _accuse_infinite(causes: Mapping[str, Tensor]) -> None:
    for name, tensor in causes.items():
        bad = ~torch.isfinite(tensor)
        if bool(bad.any()):
            where = tuple(bad.nonzero()[0].tolist())
            raise ValueError(f"{name}: wanted finite numbers, got {tensor[where].item()} at {where}")
