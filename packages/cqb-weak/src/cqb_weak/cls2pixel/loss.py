"""L_C2P = L_pseudo + L_cls + L_energy: a segmentation from image tags (Du et al. 2021, after RRM)."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from cqb_weak.cls2pixel.activation import normalised
from cqb_weak.cls2pixel.energy import DenseEnergy
from cqb_weak.cls2pixel.pixels import Size, resample, resample_mask
from cqb_weak.cls2pixel.reliable import IGNORE, Reliability, sure_labels
from cqb_weak.form import Form
from cqb_weak.options import choice
from cqb_weak.values import finite, sums

GRIDS = ("logits", "image")
EVIDENCE = ("maps", "segmentation", "coupled")

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


def absent_loss(
    logits: Float[Tensor, "b k h w"], tags: Bool[Tensor, "b s"], valid: Bool[Tensor, "b h w"] | None = None
) -> Float[Tensor, ""]:
    """Mean over pixels and images of -log P(one of the classes that the image may show); 0 without images.

    Tags say what is *not* in an image of every one of its pixels, and say it surely: Pathak et al., ICCV 2015
    (suppression constraint), as the likelihood of a partial label.

    Args:
        logits: k >= s; classes beyond the tags may be anywhere.
        tags: the classes that each image shows. An image that may show nothing counts 0.
        valid: False where a pixel is padding.
    """
    wide = logits.to(_wide(logits))
    allowed = _allowed(tags, logits.shape[1])[:, :, None, None]
    possible = allowed.any(1)
    likely = wide.masked_fill(~(allowed | ~possible.unsqueeze(1)), -torch.inf).logsumexp(1)
    surprise = (wide.logsumexp(1) - likely) * possible
    if valid is None:
        return surprise.sum() / max(1, surprise.numel())
    pixels = valid.sum((1, 2)).clamp(min=1)
    return ((surprise * valid).sum((1, 2)) / pixels).sum() / max(1, len(pixels))


@dataclass(frozen=True)
class Cls2PixelLoss:
    """Four terms from images that own tags; sum them.

    loss_cls trains the classification branch from the first step, and loss_absent keeps the segmentation from classes
    that an image does not show. From `warm_up` on, pseudo labels teach the segmentation (loss_pseudo), and loss_energy
    asks near and alike pixels to agree.

    Args:
        warm_up: step at which loss_pseudo and loss_energy begin; before it they are exact zeros.
        pseudo_weight, cls_weight, energy_weight, absent_weight: factors of the terms. The paper has no loss_absent.
        evidence: what pseudo labels are made of. "maps": the activation maps alone, as in the paper. "segmentation":
            what the segmentation itself says among the classes that the image may show, for one that has learnt
            something already. "coupled": the product of both. With the latter two, pixels that the segmentation takes
            for a class beyond the tags get no label.
        rule: which pixels are sure.
        energy: how pairs of pixels are counted.
        grid: where pseudo labels are made, on the "logits" or on the "image", to which logits are then enlarged. The
            CRF's distances follow.
    """

    warm_up: int = 1000
    pseudo_weight: float = 1.0
    cls_weight: float = 1.0
    energy_weight: float = 4.0
    absent_weight: float = 0.0
    evidence: str = "maps"
    rule: Reliability = field(default_factory=Reliability)
    energy: DenseEnergy = field(default_factory=DenseEnergy)
    grid: str = "logits"

    def __post_init__(self) -> None:
        choice("grid", self.grid, GRIDS)
        choice("evidence", self.evidence, EVIDENCE)
        if self.evidence != "maps" and self.rule.background is not None:
            raise ValueError(f"evidence: wanted maps with the rule's background, got {self.evidence!r}")

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
        """loss_pseudo, loss_cls, loss_energy and loss_absent, weighted scalars in float32 at least.

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
            unlabelled: images whose pixels own no labels; they alone have pseudo labels, an energy and loss_absent. By
                default all.
        """
        return self.with_counts(
            logits, class_logits, maps, image, tags, step, known=known, valid=valid, unlabelled=unlabelled
        )[0]

    def with_counts(
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
    ) -> tuple[dict[str, Tensor], dict[str, Tensor | int]]:
        """The call, and over how many pixels (loss_pseudo) or images (the others) each term is a mean.

        Several processes that train one network need the counts to average as one process would.
        """
        masks = {"known": known, "valid": valid, "unlabelled": unlabelled}
        self._check(logits, class_logits, maps, image, tags, masks)
        active = step >= self.warm_up
        rows = _rows(unlabelled) if active or self.absent_weight else slice(0)
        chosen = _chosen(rows, logits, maps, image, tags, known, valid)
        causes = {"logits": logits, "class_logits": class_logits, "maps": maps, "image": image}
        if active:
            finite(sums(chosen.logits, class_logits, chosen.maps, chosen.image), **causes)
        terms, counts = self._terms(chosen, class_logits, tags, active)
        if not active:
            finite([terms["loss_cls"], terms["loss_absent"]], logits=logits, class_logits=class_logits)
        return terms, counts

    def _terms(
        self, chosen: "_Chosen", class_logits: Tensor, tags: Tensor, active: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor | int]]:
        """`with_counts` without its checks."""
        taught = chosen if active else chosen.none()
        pseudo, pixels = self._pseudo(taught)
        terms = {
            "loss_pseudo": pseudo,
            "loss_cls": self.cls_weight * tag_loss(class_logits, tags),
            "loss_energy": self._energy(taught),
            "loss_absent": self._absent(chosen),
        }
        counts: list[Tensor | int] = [pixels, len(tags), len(taught.tags), len(chosen.tags)]
        return terms, dict(zip(terms, counts, strict=True))

    def _pseudo(self, chosen: "_Chosen") -> tuple[Tensor, Tensor]:
        """The loss, and how many pixels have a label."""
        height, width = (chosen.image if self.grid == "image" else chosen.logits).shape[-2:]
        size: Size = (height, width)
        logits, labels = resample(chosen.logits.to(_wide(chosen.logits)), size), self._labels(chosen, size)
        return self.pseudo_weight * pseudo_loss(logits, labels), (labels != IGNORE).sum()

    def _absent(self, chosen: "_Chosen") -> Tensor:
        logits = chosen.logits
        if not self.absent_weight:
            return logits[:0].to(_wide(logits)).sum()
        valid = None if chosen.valid is None else resample_mask(chosen.valid, (logits.shape[-2], logits.shape[-1]))
        return self.absent_weight * absent_loss(logits, chosen.tags, valid)

    @torch.no_grad()
    def labels(
        self,
        maps: Float[Tensor, "b s hm wm"],
        image: Float[Tensor, "b 3 H W"],
        tags: Bool[Tensor, "b s"],
        size: Size,
        known: Bool[Tensor, "b H W"] | None = None,
        valid: Bool[Tensor, "b H W"] | None = None,
        logits: Float[Tensor, "b k h w"] | None = None,
    ) -> Int[Tensor, "b h w"]:
        """The pseudo labels on a grid of `size` (height, width) that the loss uses, to look at.

        `logits` are those of the segmentation, which all evidence but "maps" wants.
        """
        if logits is None and self.evidence != "maps":
            raise ValueError(f"logits: wanted those of the segmentation for evidence {self.evidence!r}, got none")
        given = {"maps": maps, "image": image} | ({} if logits is None else {"logits": logits})
        finite(sums(*given.values()), **given)
        return self._labels(_Chosen(maps if logits is None else logits, maps, image, tags, known, valid), size)

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
        seen = resample(maps.to(_wide(maps)), size)
        if self.evidence == "maps":
            return sure_labels(seen, coarse, chosen.tags, rule, known, valid)
        said, others = believed(resample(chosen.logits.to(_wide(chosen.logits)), size), chosen.tags)
        scores = said if self.evidence == "segmentation" else normalised(seen) * said
        return sure_labels(scores, coarse, chosen.tags, rule, known, valid, others)

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

    def none(self) -> "_Chosen":
        """None of them."""
        known, valid = (None if mask is None else mask[:0] for mask in (self.known, self.valid))
        return _Chosen(self.logits[:0], self.maps[:0], self.image[:0], self.tags[:0], known, valid)


def believed(
    logits: Float[Tensor, "b k h w"], tags: Bool[Tensor, "b s"]
) -> tuple[Float[Tensor, "b s h w"], Float[Tensor, "b h w"]]:
    """Probabilities among the classes that an image may show: of each class with a tag, and of the others together."""
    allowed = _allowed(tags, logits.shape[1])[:, :, None, None]
    anything = allowed.any(1, keepdim=True)
    probabilities = logits.masked_fill(~allowed & anything, -torch.inf).softmax(1)
    classes = tags.shape[1]
    return probabilities[:, :classes] * tags[:, :, None, None], probabilities[:, classes:].sum(1)


def _allowed(tags: Bool[Tensor, "b s"], count: int) -> Bool[Tensor, "b k"]:
    """Of `count` classes those that an image may show: its tags, and whatever has none."""
    return torch.cat([tags, tags.new_ones(len(tags), count - tags.shape[1])], 1)


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
