"""Losses of several processes as means over what all of them have.

mmdet's heads average over the anchors, RoIs or pixels of their own process, and the processes' gradients are averaged
again. Where one has more of them than another, that mean of means is not the mean over all: an object counts more in a
process that has few. Here each loss is weighted by its process's part of them all.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn


def over_all_processes(losses: Mapping[str, Any], counts: Mapping[str, int | float | Tensor]) -> dict[str, Any]:
    """The losses, weighted so that the mean of all processes' gradients is the gradient of the mean over all.

    Every process must call this, with the same names in `counts`, since they add them up together.

    Args:
        losses: of this process, a tensor or a list of tensors each.
        counts: of some losses, over how many things this process has averaged them; 0 where it had none. Losses that
            are not in here stay as they are.
    """
    if get_world_size() == 1 or not counts:
        return dict(losses)
    names = sorted(counts)
    device = next(value for value in _tensors(losses)).device
    mine = torch.stack([torch.as_tensor(counts[name], dtype=torch.float64, device=device) for name in names])
    total = mine.clone()
    all_reduce(total)
    weights = dict(zip(names, mine * get_world_size() / total.clamp_min(1), strict=True))
    return {name: _scaled(value, weights[name]) if name in weights else value for name, value in losses.items()}


@contextmanager
def divisors(loss: nn.Module) -> Iterator[list[float]]:
    """What a head of mmdet divides `loss` by (`avg_factor`) at each call within the block."""
    read: list[float] = []
    handle = loss.register_forward_pre_hook(
        lambda _, inputs, options: read.append(float(options["avg_factor"])), with_kwargs=True
    )
    try:
        yield read
    finally:
        handle.remove()


def _tensors(losses: Mapping[str, Any]) -> Iterator[Tensor]:
    for value in losses.values():
        yield from [value] if isinstance(value, Tensor) else value


def _scaled(value: Any, weight: Tensor) -> Any:
    return [_scaled(part, weight) for part in value] if isinstance(value, list) else value * weight.to(value.dtype)
