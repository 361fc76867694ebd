"""What every public function checks of its arguments before it computes: types, shapes, devices, finite numbers.

A check reads metadata only, except `finite`, `boxes_within`, `boxes_ordered` and `indices_within`, which look at
values; those are skipped while torch.compile traces, so that the core stays one graph.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor


class Shapes:
    """Sizes of named axes, bound by the first tensor that has them; a later tensor that disagrees is an error."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes

    def check(self, name: str, tensor: Tensor | None, axes: str) -> Tensor:
        """The tensor, whose `axes` are as in jaxtyping: letters bind, digits are literal, `_` is anything ("n 4").

        Raises TypeError when `tensor` is none, ValueError that names the argument, the shape wanted and the shape got.
        """
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}: wanted a tensor of shape ({axes}), got {type(tensor).__name__}")
        names = axes.split()
        matches = len(names) == tensor.ndim and all(
            self._agrees(axis, size) for axis, size in zip(names, tensor.shape, strict=True)
        )
        if not matches:
            raise ValueError(f"{name}: wanted shape ({self._known(names)}), got {tuple(tensor.shape)}")
        return tensor

    def _agrees(self, axis: str, size: int) -> bool:
        if axis == "_":
            return True
        return size == (int(axis) if axis.isdigit() else self.sizes.setdefault(axis, size))

    def _known(self, names: list[str]) -> str:
        return ", ".join(f"{axis}={self.sizes[axis]}" if axis in self.sizes else axis for axis in names)


def floating(**tensors: Tensor) -> None:
    """TypeError that names the first argument without floating-point numbers."""
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise TypeError(f"{name}: wanted floating-point numbers, got {tensor.dtype}")


def integral(**tensors: Tensor) -> None:
    """TypeError that names the first argument without integers (bool is none)."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
            raise TypeError(f"{name}: wanted integers, got {tensor.dtype}")


def boolean(**tensors: Tensor) -> None:
    """TypeError that names the first argument that is not a mask of bool."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.bool:
            raise TypeError(f"{name}: wanted bool, got {tensor.dtype}")


def together(**tensors: Tensor) -> None:
    """ValueError unless all arguments are on one device."""
    devices = {name: tensor.device for name, tensor in tensors.items()}
    if len(set(devices.values())) > 1:
        listed = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise ValueError(f"wanted all arguments on one device, got {listed}")


def finite(result: Tensor, **causes: Tensor) -> None:
    """ValueError that names the argument with a NaN or an infinity, looked for only when the scalar `result` has one.

    One number is read a call, so a healthy step costs next to nothing.
    """
    if torch.compiler.is_compiling() or math.isfinite(result.item()):
        return
    for name, tensor in causes.items():
        bad = ~torch.isfinite(tensor)
        if bool(bad.any()):
            where = tuple(torch.nonzero(bad)[0].tolist())
            raise ValueError(f"{name}: wanted finite numbers, got {tensor[where].item()} at {where}")


def boxes_within(name: str, boxes: Tensor, size: tuple[float, float]) -> None:
    """ValueError that names the first box that is inverted, empty or outside an image of `size` (height, width) px.

    `boxes`: n 4, xyxy in pixels, exclusive far edge.
    """
    if torch.compiler.is_compiling() or not len(boxes):
        return
    height, width = size
    x0, y0, x1, y1 = boxes.unbind(-1)
    good = (x0 >= 0) & (y0 >= 0) & (x1 > x0) & (y1 > y0) & (x1 <= width) & (y1 <= height)
    if not bool(good.all()):
        row = int((~good).nonzero()[0])
        wanted = f"0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height} (xyxy)"
        raise ValueError(f"{name}[{row}]: wanted {wanted}, got {boxes[row].tolist()}")


def boxes_ordered(name: str, boxes: Tensor) -> None:
    """ValueError that names the first box that is inverted or not finite.

    `boxes`: n 4, xyxy. An empty box passes, and so does one that leaves the image: a detector's refined boxes do both.
    """
    if torch.compiler.is_compiling() or not len(boxes):
        return
    size = boxes[:, 2:] - boxes[:, :2]
    low, high = torch.aminmax(size)
    if not (low.item() >= 0 and high.item() < torch.inf):
        row = int((~((size >= 0) & (size < torch.inf)).all(1)).nonzero()[0])
        raise ValueError(f"{name}[{row}]: wanted x0 <= x1 and y0 <= y1, finite (xyxy), got {boxes[row].tolist()}")


def indices_within(name: str, index: Tensor, count: int) -> None:
    """ValueError that names the first index outside 0..count-1 (on a GPU it would end the process).

    `index`: n whole numbers.
    """
    if torch.compiler.is_compiling() or not index.numel():
        return
    low, high = torch.aminmax(index)
    if int(low) < 0 or int(high) >= count:
        row = int(((index < 0) | (index >= count)).nonzero()[0])
        raise ValueError(f"{name}[{row}]: wanted a whole number from 0 to {count - 1}, got {index[row].item()}")


def choice(name: str, value: str, options: Mapping[str, object] | tuple[str, ...]) -> None:
    """ValueError that lists the options when `value` is none of them."""
    if value not in options:
        raise ValueError(f"{name}: wanted one of {', '.join(options)}, got {value!r}")


def within(name: str, value: float, low: float, high: float) -> None:
    """ValueError unless low <= value <= high (a NaN is not)."""
    if not low <= value <= high:
        raise ValueError(f"{name}: wanted a number from {low} to {high}, got {value}")


def boxes_with_area(**boxes: Tensor) -> None:
    """ValueError that names the first box that is inverted, empty or not finite (n 4, xyxy in pixels)."""
    if torch.compiler.is_compiling():
        return
    for name, xyxy in boxes.items():
        size = xyxy[:, 2:] - xyxy[:, :2]
        if not len(size):
            continue
        low, high = torch.aminmax(size)
        if not (low.item() > 0 and high.item() < torch.inf):
            row = int((~((size > 0) & (size < torch.inf)).all(1)).nonzero()[0])
            raise ValueError(f"{name}[{row}]: wanted finite x0 < x1 and y0 < y1 (xyxy), got {xyxy[row].tolist()}")
