"""What the public entries check of their arguments before they compute: types, shapes, ranges, finite numbers.

Types, shapes and devices are metadata. `image_index`, class numbers and finiteness are values, read once a call, and
not looked at while torch.compile traces.
"""

import torch
from torch import Tensor


class Shapes:
    """Sizes of named axes, bound by the first tensor that has them; a later tensor that disagrees is an error."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes

    def check(self, name: str, tensor: Tensor, axes: str) -> None:
        """`axes` as in jaxtyping ("n c"); `_` is any size.

        Raises TypeError when `tensor` is none, ValueError that names the argument, the shape wanted and the shape got.
        """
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}: wanted a tensor of shape ({axes}), got {type(tensor).__name__}")
        names = axes.split()
        fits = len(names) == tensor.ndim and all(
            axis == "_" or size == self.sizes.setdefault(axis, size)
            for axis, size in zip(names, tensor.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join(f"{axis}={self.sizes[axis]}" if axis in self.sizes else axis for axis in names)
            raise ValueError(f"{name}: wanted shape ({wanted}), got {tuple(tensor.shape)}")


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


def in_range(name: str, numbers: Tensor, low: int, high: int, besides: int | None = None) -> None:
    """ValueError that names the first integer that is neither `besides` nor from `low` to `high`."""
    if torch.compiler.is_compiling():
        return
    bad = (numbers < low) | (numbers > high)
    if besides is not None:
        bad &= numbers != besides
    if bool(bad.any()):
        where = tuple(bad.nonzero()[0].tolist())
        allowed = f"{low} to {high}" + ("" if besides is None else f" or {besides}")
        got = numbers[where].item()
        raise ValueError(f"{name}[{', '.join(map(str, where))}]: wanted an integer from {allowed}, got {got}")


def finite(result: Tensor, **causes: Tensor) -> None:
    """ValueError that names the argument with a NaN or infinity, looked for only when the scalar `result` has one."""
    if torch.compiler.is_compiling() or bool(torch.isfinite(result)):
        return
    for name, tensor in causes.items():
        bad = ~torch.isfinite(tensor)
        if bool(bad.any()):
            where = tuple(bad.nonzero()[0].tolist())
            raise ValueError(f"{name}: wanted finite numbers, got {tensor[where].item()} at {where}")


def positive(**numbers: int) -> None:
    """ValueError that names the first number below 1."""
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name}: wanted a positive integer, got {number}")


def room(name: str, places: int, groups: Tensor) -> None:
    """ValueError when some number stands more than `places` times in `groups`."""
    if torch.compiler.is_compiling() or not len(groups):
        return
    most = int(groups.long().bincount().max())
    if most > places:
        raise ValueError(f"{name}: wanted at least the most regions of an image, {most}, got {places}")
