"""The regions of some images of a batch, numbered anew."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor


def regions_of(
    images: Sequence[int], image_index: Int[Tensor, " n"], batch: int
) -> tuple[Int[Tensor, " k"], Int[Tensor, " k"]]:
    """Positions of the regions whose image is among `images`, and the place of each one's image in that list.

    Args:
        images: positions in the batch, ascending.
        image_index: the image of every region.
        batch: how many images there are.
    """
    place = torch.full((batch,), -1, device=image_index.device)
    place[torch.tensor(images, device=image_index.device, dtype=torch.long)] = torch.arange(
        len(images), device=image_index.device
    )
    rows = (place[image_index] >= 0).nonzero().flatten()
    return rows, place[image_index[rows]]
