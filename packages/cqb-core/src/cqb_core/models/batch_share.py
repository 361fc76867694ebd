"""The weight of an auxiliary's losses, by how many images of the batch it learns from.

Each of its losses is a mean over the images whose labels it asks for. Where these are few, a single one of them would
pull on the shared network as hard as half a batch does, and cheap labels are the noisier ones. So below a set share of
the batch a loss weighs as much less as its images are fewer: each image counts the same, whatever else is labelled.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size

from cqb_core.errors import InputError
from cqb_core.models.auxiliary import Auxiliary, ImageLabels


def weigh_by_share(
    losses: Mapping[str, Any], auxiliaries: Sequence[Auxiliary], images: Sequence[ImageLabels], full_share: float | int
) -> dict[str, Any]:
    """The losses, those of auxiliaries times min(1, share / full_share), their images' share of the batch.

    The share is one of the batches of all processes together. Every process must call this with the same auxiliaries.

    Args:
        losses: of this process; those of an auxiliary end in its name, a dot and a name with "loss" in it.
        auxiliaries: one of each; those of the other stages ask for the same images.
        images: of this process's batch.
        full_share: from which on a loss has its full weight; 0 for always.
    """
    if not auxiliaries or not full_share:
        return dict(losses)
    device = next(value.device for value in losses.values() if isinstance(value, torch.Tensor))
    counts = [sum(each.asks_for(image.owned) for image in images) for each in auxiliaries]
    numbers = torch.tensor([len(images), *counts], dtype=torch.float32, device=device)
    if get_world_size() > 1:
        all_reduce(numbers)
    weights = (numbers[1:] / numbers[0] / full_share).clamp(max=1)
    of = {each.name: weight for each, weight in zip(auxiliaries, weights, strict=True)}
    weighed = dict(losses)
    for name, value in losses.items():
        owner, _, what = name.rpartition(".")
        weight = of.get(owner.rpartition(".")[2])
        if weight is not None and "loss" in what:
            weighed[name] = value * weight.to(value.dtype)
    return weighed


def checked_share(full_share: float | int) -> float | int:
    """The share. Raises `InputError` when it is not between 0 and 1."""
    if not 0 <= full_share <= 1:
        raise InputError("model", "full_share", "a share from 0 to 1", full_share)
    return full_share
