"""Detectors keep a list with an entry an image; losses want one table, and the image of each row."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def image_index(entries: Sequence[Tensor]) -> Int[Tensor, " n"]:
    """The image of each row when the entries, one an image, stand one below the other. Waits for no device.

    Raises ValueError when there is no image.
    """
    if not entries:
        raise ValueError("entries: wanted one or more images, got none")
    counts, device = [len(entry) for entry in entries], entries[0].device
    images = torch.arange(len(counts), device=device)
    return images.repeat_interleave(torch.tensor(counts, device=device), output_size=sum(counts))


def one_table(
    name: str, entries: Sequence[Float[Tensor, "_ ..."]] | Sequence[Int[Tensor, " _"]], like: Sequence[Tensor]
) -> Tensor:
    """The entries one below the other.

    Raises ValueError that names `name` unless there is an entry an image of `like`, of as many rows.
    """
    if not entries:
        raise ValueError(f"{name}: wanted one or more images, got none")
    got, wanted = [len(entry) for entry in entries], [len(entry) for entry in like]
    if got != wanted:
        raise ValueError(f"{name}: wanted {wanted} rows, an entry an image, got {got}")
    return torch.cat(list(entries))
