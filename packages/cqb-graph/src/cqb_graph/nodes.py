"""Nodes: one for a class of the semantic branch, and regions laid out image by image.

A class node starts from the mean of the semantic feature, weighted by the softmax of the class's logit map over the
pixels of the image (Wu et al. 2020, as its public stand-in has it). Every class has one, in the image or not.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from cqb_graph.attention import widened


def class_centers(
    feature: Float[Tensor, "b c h w"], logits: Float[Tensor, "b s h w"], valid: Bool[Tensor, "b h w"] | None = None
) -> Float[Tensor, "b s c"]:
    """Mean of `feature` under the softmax of each class's logits over the valid pixels, in float32 or wider.

    Args:
        feature: what the logits were made from.
        logits: of the semantic branch.
        valid: pixels that belong to the image; None for all. The center of an image without any is zero.
    """
    feature, logits = widened(feature).flatten(2), widened(logits).flatten(2)
    if valid is not None:
        inside = valid.flatten(1)[:, None]
        logits = logits.masked_fill(~inside, torch.finfo(logits.dtype).min)
        feature = feature.where(inside, feature.new_zeros(()))
    # Under autocast the product would run in half precision, where a weight of one in 60 000 has few bits left.
    with torch.autocast(feature.device.type, enabled=False):
        return logits.softmax(dim=-1) @ feature.transpose(1, 2).to(logits.dtype)


@dataclass(frozen=True)
class Layout:
    """Where each region stands when the regions of a batch are laid out image by image, padded to the longest.

    Args:
        image: of each region.
        place: among the regions of its image, in the order in which they came.
        present: which places of the layout hold a region.
    """

    image: Integer[Tensor, " n"]
    place: Integer[Tensor, " n"]
    present: Bool[Tensor, "b longest"]

    @classmethod
    def of(cls, image_index: Integer[Tensor, " n"], images: int, longest: int | None = None) -> "Layout":
        """The layout of regions that stand in any order.

        Args:
            image_index: image of each region, 0 to `images` - 1.
            images: images of the batch.
            longest: places of an image, at least as many as any image has regions. None counts them, which waits for
                the device unless there is but one image.
        """
        image = image_index.long()
        member = image[:, None] == torch.arange(images, device=image.device)
        place = member.cumsum(0).gather(1, image[:, None])[:, 0] - 1
        counts = member.sum(0)
        if longest is None:
            longest = len(image) if images == 1 else int(counts.max()) if images else 0
        present = torch.arange(longest, device=image.device) < counts[:, None]
        return cls(image, place, present)

    def spread(self, rows: Float[Tensor, "n c"]) -> Float[Tensor, "b longest c"]:
        """Rows at their places, zeros elsewhere."""
        empty = rows.new_zeros((*self.present.shape, rows.shape[1]))
        return empty.index_put((self.image, self.place), rows)

    def collect(self, laid: Float[Tensor, "b longest c"]) -> Float[Tensor, "n c"]:
        """The rows of all regions, in the order in which they came."""
        return laid[self.image, self.place]
