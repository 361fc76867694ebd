"""Types, shapes, dtypes and the device of the arguments of a public function, as a table that is read in one pass.

All of it is metadata: a check waits for no device, and torch.compile traces through it. cqb-weak and cqb-graph have the
same file, as neither may import the other.
"""

import re
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import Tensor

_LIKENESS = attrgetter("shape", "dtype", "device")
_DTYPES = frozenset(each for each in vars(torch).values() if isinstance(each, torch.dtype))
_FLOATING = frozenset(each for each in _DTYPES if each.is_floating_point)
_BOOLEAN = frozenset({torch.bool})
_INTEGRAL = frozenset(each for each in _DTYPES - _FLOATING - _BOOLEAN if not each.is_complex)

KINDS = {
    "any": (_DTYPES, "numbers"),
    "boolean": (_BOOLEAN, "bool"),
    "floating": (_FLOATING, "floating-point numbers"),
    "integral": (_INTEGRAL, "integers"),
}
"""The dtypes of each kind of numbers, and its name in a message."""


class Row(NamedTuple):
    """An argument. An axis is a name and what is added to its size: ("t", 1) is one more than t, ("", 4) is 4."""

    name: str
    optional: bool
    axes: tuple[tuple[str, int], ...]
    dtypes: frozenset[torch.dtype]
    numbers: str


class Form:
    """A table with a row an argument: `Form("logits: floating n t+1", "boxes: floating n 4", "valid?: boolean b h w")`.

    A row has a kind of numbers (`KINDS`) and axes: a name is bound by the first tensor that has it, a later one that
    disagrees is an error; digits are literal, `t+1` is one more than t, `_` is anything. With `?` it may be None.
    Arguments like those of the last call, which a training makes over and over, are not looked at row by row again.
    """

    def __init__(self, *rows: str) -> None:
        self.rows = tuple(_row(text) for text in rows)
        self._passed: tuple[object, dict[str, int]] = (None, {})

    def check(self, *tensors: Tensor | None, **sizes: int) -> dict[str, int]:
        """Sizes of the named axes; tensors come in the order of the rows, `sizes` are bound before.

        Raises TypeError or ValueError that names the argument, what was wanted and what came.
        """
        if torch.compiler.is_compiling():
            return self._read(tensors, sizes)
        try:
            like = [None if tensor is None else _LIKENESS(tensor) for tensor in tensors], sizes.copy()
        except AttributeError:
            return self._read(tensors, sizes)
        if like != self._passed[0]:
            self._passed = like, self._read(tensors, sizes)
        return self._passed[1].copy()

    def _read(self, tensors: Sequence[Tensor | None], sizes: dict[str, int]) -> dict[str, int]:
        """`check`, row by row; `sizes` gains those that are found."""
        sizes[""] = 0
        device = None
        for row, tensor in zip(self.rows, tensors, strict=True):
            if tensor is None and row.optional:
                continue
            if not isinstance(tensor, Tensor):
                wanted = " ".join(_shown(*axis, sizes) for axis in row.axes)
                raise TypeError(f"{row.name}: wanted a tensor of shape ({wanted}), got {type(tensor).__name__}")
            shape = tensor.shape
            if len(shape) != len(row.axes):
                raise _misshapen(row, tensor, sizes)
            for (axis, more), size in zip(row.axes, shape, strict=True):
                if sizes.setdefault(axis, size - more) + more != size:
                    raise _misshapen(row, tensor, sizes)
            if tensor.dtype not in row.dtypes:
                raise TypeError(f"{row.name}: wanted {row.numbers}, got {tensor.dtype}")
            if device is None:
                device = tensor.device
            elif tensor.device != device:
                raise self._apart(tensors)
        return sizes

    def _apart(self, tensors: Sequence[Tensor | None]) -> ValueError:
        pairs = zip(self.rows, tensors, strict=True)
        listed = (f"{row.name} on {tensor.device}" for row, tensor in pairs if isinstance(tensor, Tensor))
        return ValueError(f"wanted all arguments on one device, got {', '.join(listed)}")


def _row(text: str) -> Row:
    name, rest = text.split(":")
    kind, *axes = rest.split()
    sizes = tuple(_axis(name, place, each) for place, each in enumerate(axes))
    return Row(name.rstrip("?"), name.endswith("?"), sizes, *KINDS[kind])


def _axis(name: str, place: int, text: str) -> tuple[str, int]:
    if text == "_":
        return f"_{name}{place}", 0
    parts = re.fullmatch(r"([A-Za-z]\w*)?\+?(\d*)", text)
    if parts is None:
        raise ValueError(f"{name}: wanted an axis such as n, 4, t+1 or _, got {text!r}")
    return parts[1] or "", int(parts[2] or 0)


def _shown(axis: str, more: int, sizes: Mapping[str, int]) -> str:
    if axis.startswith("_"):
        return "_"
    if not more:
        return axis
    return str(sizes[axis] + more) if axis in sizes else f"{axis}+{more}"


def _misshapen(row: Row, tensor: Tensor, sizes: Mapping[str, int]) -> ValueError:
    wanted = ", ".join(
        f"{axis}={sizes[axis]}" if axis in sizes and not more and axis[:1] != "_" else _shown(axis, more, sizes)
        for axis, more in row.axes
    )
    return ValueError(f"{row.name}: wanted shape ({wanted}), got {tuple(tensor.shape)}")
