"""Cls2Pixel for a segmentation network: the classification branch, the loss, and the count of steps for its warm-up."""

from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from cqb_weak.cls2pixel.class_branch import ClassBranch
from cqb_weak.cls2pixel.loss import Cls2PixelLoss
from cqb_weak.cls2pixel.pixels import resample_mask


class Cls2Pixel(nn.Module):
    """Add what it returns to your losses and its parameters to your optimiser.

    `steps`, the calls in training mode so far, is stored with the weights, so that a resumed training goes on where it
    was.

    Args:
        in_channels: of the semantic feature.
        num_classes: s, image tags to tell.
        dropout: of the branch.
        options: those of `Cls2PixelLoss`.
    """

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.5, **options: Any) -> None:
        super().__init__()
        self.branch = ClassBranch(in_channels, num_classes, dropout)
        self.loss = Cls2PixelLoss(**options)
        self.steps = 0

    def forward(
        self,
        feature: Float[Tensor, "b c hf wf"],
        logits: Float[Tensor, "b k h w"],
        image: Float[Tensor, "b 3 H W"],
        tags: Bool[Tensor, "b s"],
        *,
        known: Bool[Tensor, "b H W"] | None = None,
        valid: Bool[Tensor, "b H W"] | None = None,
        unlabelled: Bool[Tensor, " b"] | None = None,
    ) -> dict[str, Tensor]:
        """`loss_pseudo`, `loss_cls`, `loss_energy` and `loss_absent`.

        Args:
            feature: of the segmentation, on any grid.
            logits: of the segmentation, a class a tag; further classes last.
            image: red, green, blue from 0 to 255.
            tags: the classes that each image shows.
            known, valid, unlabelled: as in `Cls2PixelLoss`; `valid` keeps padding out of the branch too.

        Raises:
            TypeError, ValueError: naming the argument that is wrong.
        """
        inside = None if valid is None else resample_mask(valid, (feature.shape[-2], feature.shape[-1]))
        branch, masks = self.branch, {"known": known, "valid": valid, "unlabelled": unlabelled}
        terms = self.loss(logits, branch(feature, inside), branch.maps(feature), image, tags, self.steps, **masks)
        self.steps += self.training
        return terms

    def get_extra_state(self) -> int:
        """The count of steps; a plain number, so that reading it waits for no device."""
        return self.steps

    def set_extra_state(self, state: int) -> None:
        """Go on from a stored count of steps."""
        self.steps = state
