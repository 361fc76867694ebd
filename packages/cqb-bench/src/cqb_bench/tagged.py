"""The regions that image tags teach on: those of the images that a stage auxiliary asks for."""

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from cqb_core import Labels
from cqb_core.models import StageView
from cqb_core.models.routing import having
from cqb_net.auxiliaries.regions import regions_of


class TaggedRegions(NamedTuple):
    """Some images of a batch and their regions.

    Args:
        rows: positions of the regions in the view.
        image: place of each region's image among these images.
        tags: whether each thing class is in each image.
    """

    rows: Int[Tensor, " n"]
    image: Int[Tensor, " n"]
    tags: Bool[Tensor, "b t"]


def tagged_regions(view: StageView, asked: Callable[[Labels], bool], num_things: int) -> TaggedRegions:
    """The regions of the images whose label set is asked for; those own tags."""
    images = having(view.images, lambda image: asked(image.owned))
    rows, place = regions_of(images, view.image_index, len(view.images))
    none = torch.zeros((0, num_things), dtype=torch.bool, device=rows.device)
    return TaggedRegions(
        rows, place, torch.cat([none, *(cast(Tensor, view.images[image].thing_tags)[None] for image in images)])
    )
