"""L_C2P = L_pseudo + L_cls + L_energy: a segmentation from image tags (Du et al. 2021, after RRM)."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from cqb_weak.arguments import Shapes, boolean, choice, finite, floating, together
from cqb_weak.cls2pixel.energy import DenseEnergy
from cqb_weak.cls2pixel.pixels import Size, resample, resample_mask
from cqb_weak.cls2pixel.reliable import IGNORE, Reliability, reliable_labels

GRIDS = ("logits", "image")


def pseudo_loss(logits: Float[Tensor, "b k h w"], labels: Int[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """Mean cross-entropy of the pixels that have a label (not `IGNORE`); 0 when none has."""
    total = cross_entropy(logits.to(_wide(logits)), labels, ignore_index=IGNORE, reduction="sum")
    return total / (labels != IGNORE).sum().clamp(min=1)


def tag_loss(class_logits: Float[Tensor, "b s"], tags: Bool[Tensor, "b s"]) -> Float[Tensor, ""]:
    """Mean binary cross-entropy over images and classes; 0 without images."""
    wide = class_logits.to(_wide(class_logits))
    return binary_cross_entropy_with_logits(wide, tags.to(wide.dtype), reduction="sum") / max(1, wide.numel())


@dataclass(frozen=True)
class Cls2PixelLoss:
    """Three terms from images that own tags; sum them.

    loss_cls trains the classification branch from the first step. From `warm_up` on its activation maps give pseudo
    labels to the segmentation (loss_pseudo), and loss_energy asks near and alike pixels to agree.

    Args:
        warm_up: step at which loss_pseudo and loss_energy begin; before it they are exact zeros.
        pseudo_weight, cls_weight, energy_weight: factors of the terms.
        rule: which pixels are sure.
        energy: how pairs of pixels are counted.
        grid: where pseudo labels are made, on the "logits" or on the "image", to which logits are then enlarged. The
            CRF's distances follow.
    """

    warm_up: int = 1000
    pseudo_weight: float = 1.0
    cls_weight: float = 1.0
    energy_weight: float = 4.0
    rule: Reliability = field(default_factory=Reliability)
    energy: DenseEnergy = field(default_factory=DenseEnergy)
    grid: str = "logits"

    def __post_init__(self) -> None:
        choice("grid", self.grid, GRIDS)

    def __call__(
        self,
        logits: Float[Tensor, "b k h w"],
        class_logits: Float[Tensor, "b s"],
        maps: Float[Tensor, "b s hm wm"],
        image: Float[Tensor, "b 3 H W"],
        tags: Bool[Tensor, "b s"],
        step: int,
        *,
        known: Bool[Tensor, "b H W"] | None = None,
        valid: Bool[Tensor, "b H W"] | None = None,
        unlabelled: Bool[Tensor, " b"] | None = None,
    ) -> dict[str, Tensor]:
        """loss_pseudo, loss_cls and loss_energy, weighted scalars in float32 at least.

        Args:
            logits: of the segmentation; k >= s (k >= s + 1 with the rule's background), further classes come last and
                are no tag, such as the merged things of Panoptic FPN.
            class_logits: of the classification branch.
            maps: its activation maps, >= 0, on any grid; taken without gradient.
            image: red, green, blue from 0 to 255.
            tags: the classes that each image shows. Every image given owns tags; leave out those that do not.
            step: optimiser steps so far, counted by the caller, so that a resumed training goes on where it was.
            known: pixels whose class is told otherwise, such as those under boxes; no pseudo label there.
            valid: False where a pixel is padding.
            unlabelled: images whose pixels own no labels; they alone have pseudo labels and an energy. By default all.
        """
        masks = {"known": known, "valid": valid, "unlabelled": unlabelled}
        self._check(logits, class_logits, maps, image, tags, masks)
        used = torch.ones_like(tags[:, 0]) if unlabelled is None else unlabelled
        rows = (used if step >= self.warm_up else torch.zeros_like(used)).nonzero().flatten()
        mine, picture, padding = logits[rows], image[rows].detach(), _at(valid, rows)
        terms = {
            "loss_pseudo": self._pseudo(mine, maps.detach()[rows], picture, tags[rows], _at(known, rows), padding),
            "loss_cls": self.cls_weight * tag_loss(class_logits, tags),
            "loss_energy": self._energy(mine, picture, padding),
        }
        finite(torch.stack(list(terms.values())).sum(), logits=logits, class_logits=class_logits, image=image)
        return terms

    def _pseudo(
        self, logits: Tensor, maps: Tensor, image: Tensor, tags: Tensor, known: Tensor | None, valid: Tensor | None
    ) -> Tensor:
        height, width = (image if self.grid == "image" else logits).shape[-2:]
        size: Size = (height, width)
        labels = self.labels(maps, image, tags, size, known, valid)
        return self.pseudo_weight * pseudo_loss(resample(logits.to(_wide(logits)), size), labels)

    @torch.no_grad()
    def labels(
        self,
        maps: Float[Tensor, "b s hm wm"],
        image: Float[Tensor, "b 3 H W"],
        tags: Bool[Tensor, "b s"],
        size: Size,
        known: Bool[Tensor, "b H W"] | None = None,
        valid: Bool[Tensor, "b H W"] | None = None,
    ) -> Int[Tensor, "b h w"]:
        """The pseudo labels on a grid of `size` (height, width) that the loss uses, to look at."""
        if not len(image):
            return tags.new_zeros((0, *size), dtype=torch.long)
        factor = (size[0] * size[1] / (image.shape[-2] * image.shape[-1])) ** 0.5
        rule = self.rule.on(factor)
        known, valid = (None if mask is None else resample_mask(mask, size) for mask in (known, valid))
        coarse = resample(image.to(_wide(image)), size)
        return reliable_labels(resample(maps.to(_wide(maps)), size), coarse, tags, rule, known, valid)

    def _energy(self, logits: Tensor, image: Tensor, valid: Tensor | None) -> Tensor:
        if not len(logits):
            return logits.to(_wide(logits)).sum()
        disagreement = 1 + self.energy(logits.to(_wide(logits)).softmax(1), image, valid)
        return self.energy_weight * disagreement.mean()

    def _check(
        self,
        logits: Tensor,
        class_logits: Tensor,
        maps: Tensor,
        image: Tensor,
        tags: Tensor,
        masks: dict[str, Tensor | None],
    ) -> None:
        axes = Shapes()
        tensors = {"logits": logits, "class_logits": class_logits, "maps": maps, "image": image}
        for (name, tensor), shape in zip(tensors.items(), ("b k h w", "b s", "b s hm wm", "b 3 H W"), strict=True):
            axes.check(name, tensor, shape)
        axes.check("tags", tags, "b s")
        given = {name: mask for name, mask in masks.items() if mask is not None}
        for name, mask in given.items():
            axes.check(name, mask, "b" if name == "unlabelled" else "b H W")
        floating(**tensors)
        boolean(tags=tags, **given)
        together(**tensors, tags=tags, **given)
        least = tags.shape[1] + (self.rule.background is not None)
        if not tags.shape[1] or logits.shape[1] < least:
            raise ValueError(f"logits: wanted at least {max(1, least)} classes (one a tag), got {logits.shape[1]}")


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)


def _at(mask: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if mask is None else mask[rows]
