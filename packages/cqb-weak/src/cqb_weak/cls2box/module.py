"""Cls2Box for a detector: the head, the loss, and proposals as detectors keep them, a list by image."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cqb_weak.cls2box.head import MIDHead
from cqb_weak.cls2box.loss import Cls2BoxLoss
from cqb_weak.ragged import image_index


class Cls2Box(nn.Module):
    """Add what it returns to your losses and its parameters to your optimiser.

    Args:
        in_features: numbers in a RoI's feature.
        num_classes: t, without background.
        options: those of `Cls2BoxLoss`.
    """

    def __init__(self, in_features: int, num_classes: int, **options: Any) -> None:
        super().__init__()
        self.head = MIDHead(in_features, num_classes)
        self.loss = Cls2BoxLoss(**options)

    def forward(
        self,
        features: Float[Tensor, "n ..."],
        detector_logits: Float[Tensor, "n t_bg"] | Float[Tensor, "n t"],
        proposals: Sequence[Float[Tensor, "_ 4"]],
        tags: Bool[Tensor, "b t"],
        owned: Bool[Tensor, " b"] | None = None,
    ) -> dict[str, Tensor]:
        """`loss_cls2box`, and `loss_refine` where that is asked for.

        Args:
            features: of the proposals of all images, one image after the other.
            detector_logits: of the same proposals, the background last; or independent (sigmoid) classes.
            proposals: of each image, xyxy in pixels.
            tags: whether each class is in each image.
            owned: images that own tags; none for all.

        Raises:
            TypeError, ValueError: naming the argument that is wrong.
        """
        classes, regions = self.head(features)
        boxes, image = torch.cat(list(proposals)), image_index(proposals)
        return self.loss(classes, regions, image, tags, detector_logits, boxes=boxes, owned=owned)

    @torch.no_grad()
    def scores(
        self,
        features: Float[Tensor, "n ..."],
        detector_logits: Float[Tensor, "n t_bg"] | Float[Tensor, "n t"],
        proposals: Sequence[Float[Tensor, "_ 4"]],
    ) -> Float[Tensor, "n t"]:
        """How much each proposal explains each class, 0 to 1: the best of a tag's is a pseudo box. Without gradient."""
        classes, regions = self.head(features)
        return self.loss.scores(classes, regions, image_index(proposals), len(proposals), detector_logits)
