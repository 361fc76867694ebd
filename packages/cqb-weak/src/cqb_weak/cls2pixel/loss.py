"""L_C2P = L_pseudo + L_cls + L_energy: a segmentation from image tags (Du et al. 2021, after RRM)."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from cqb_weak.cls2pixel.energy import DenseEnergy
from cqb_weak.cls2pixel.pixels import Size, resample, resample_mask
from cqb_weak.cls2pixel.reliable import IGNORE, Reliability, sure_labels
from cqb_weak.form import Form
from cqb_weak.options import choice
from cqb_weak.values import finite, sums

GRIDS = ("logits", "image")

_MASKS = ("known?: boolean b H W", "valid?: boolean b H W", "unlabelled?: boolean b")
_FORM = Form(
    "logits: floating b k h w",
    "class_logits: floating b s",
    "maps: floating b s hm wm",
    "image: floating b 3 H W",
    "tags: boolean b s",
    *_MASKS,
)


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
        active = step >= self.warm_up
        chosen = _chosen(_rows(unlabelled) if active else slice(0), logits, maps, image, tags, known, valid)
        causes = {"logits": logits, "class_logits": class_logits, "maps": maps, "image": image}
        if active:
            finite(sums(chosen.logits, class_logits, chosen.maps, chosen.image), **causes)
        terms = self._terms(chosen, class_logits, tags)
        if not active:
            finite([terms["loss_cls"]], class_logits=class_logits)
        return terms

    def _terms(self, chosen: "_Chosen", class_logits: Tensor, tags: Tensor) -> dict[str, Tensor]:
        """The call without its checks."""
        return {
            "loss_pseudo": self._pseudo(chosen),
            "loss_cls": self.cls_weight * tag_loss(class_logits, tags),
            "loss_energy": self._energy(chosen),
        }

    def _pseudo(self, chosen: "_Chosen") -> Tensor:
        height, width = (chosen.image if self.grid == "image" else chosen.logits).shape[-2:]
        size: Size = (height, width)
        logits = resample(chosen.logits.to(_wide(chosen.logits)), size)
        return self.pseudo_weight * pseudo_loss(logits, self._labels(chosen, size))

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
        finite(sums(maps, image), maps=maps, image=image)
        return self._labels(_Chosen(maps, maps, image, tags, known, valid), size)

    @torch.no_grad()
    def _labels(self, chosen: "_Chosen", size: Size) -> Int[Tensor, "m h w"]:
        """`labels` without its checks."""
        maps, image = chosen.maps, chosen.image
        if not len(image):
            return chosen.tags.new_zeros((0, *size), dtype=torch.long)
        factor = (size[0] * size[1] / (image.shape[-2] * image.shape[-1])) ** 0.5
        rule = self.rule.on(factor)
        known, valid = (None if mask is None else resample_mask(mask, size) for mask in (chosen.known, chosen.valid))
        coarse = resample(image.to(_wide(image)), size)
        return sure_labels(resample(maps.to(_wide(maps)), size), coarse, chosen.tags, rule, known, valid)

    def _energy(self, chosen: "_Chosen") -> Tensor:
        logits = chosen.logits.to(_wide(chosen.logits))
        if not len(logits):
            return logits.sum()
        return self.energy_weight * (1 + self.energy.unchecked(logits.softmax(1), chosen.image, chosen.valid)).mean()

    def _check(
        self,
        logits: Tensor,
        class_logits: Tensor,
        maps: Tensor,
        image: Tensor,
        tags: Tensor,
        masks: dict[str, Tensor | None],
    ) -> None:
        optional = (masks.get(name) for name in ("known", "valid", "unlabelled"))
        _FORM.check(logits, class_logits, maps, image, tags, *optional)
        least = tags.shape[1] + (self.rule.background is not None)
        if not tags.shape[1] or logits.shape[1] < least:
            raise ValueError(f"logits: wanted at least {max(1, least)} classes (one a tag), got {logits.shape[1]}")


class _Chosen(NamedTuple):
    """The images of a batch that get pseudo labels and an energy."""

    logits: Float[Tensor, "m k h w"]
    maps: Float[Tensor, "m s hm wm"]
    image: Float[Tensor, "m 3 H W"]
    tags: Bool[Tensor, "m s"]
    known: Bool[Tensor, "m H W"] | None
    valid: Bool[Tensor, "m H W"] | None


def _rows(unlabelled: Tensor | None) -> slice | Tensor:
    return slice(None) if unlabelled is None else unlabelled.nonzero().flatten()


def _chosen(
    rows: slice | Tensor,
    logits: Tensor,
    maps: Tensor,
    image: Tensor,
    tags: Tensor,
    known: Tensor | None,
    valid: Tensor | None,
) -> _Chosen:
    masks = (None if mask is None else mask[rows] for mask in (known, valid))
    return _Chosen(logits[rows], maps.detach()[rows], image.detach()[rows], tags[rows], *masks)


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)
