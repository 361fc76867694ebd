"""Pseudo labels of the pixels that activation maps and a CRF are both sure of; all others are ignored (RRM, 2020)."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cqb_weak.cls2pixel.activation import normalised
from cqb_weak.cls2pixel.mean_field import DenseCrf, Edges
from cqb_weak.form import Form
from cqb_weak.options import within
from cqb_weak.values import finite, sums

IGNORE = 255

_MASKS = ("known?: boolean b h w", "valid?: boolean b h w")
_FORM = Form("maps: floating b s h w", "image: floating b 3 h w", "tags: boolean b s", *_MASKS)


@dataclass(frozen=True)
class Reliability:
    """When a pixel is sure.

    Args:
        confidence: least probability of its class after the CRF.
        top: share of a class's own pixels (where its map is the largest) that are kept, those of the largest values.
        floor: activations below do not count as a class's own pixels.
        background: none, as all pixels are of some class; or two exponents (the lower finds objects, the higher
            background) of (1 - largest activation), RRM's score of an extra class 0; then class k is label k + 1.
        background_floor: least score of a sure background pixel.
        crf: what smooths the maps.
    """

    confidence: float = 0.8
    top: float = 0.4
    floor: float = 0.1
    background: tuple[float, float] | None = None
    background_floor: float = 0.8
    crf: DenseCrf = field(default_factory=DenseCrf)

    def __post_init__(self) -> None:
        for name in ("confidence", "top", "floor", "background_floor"):
            within(name, getattr(self, name), 0.0, 1.0)
        if self.background is not None and not 0 < self.background[0] <= self.background[1]:
            raise ValueError(f"background: wanted two positive, ascending exponents, got {self.background}")

    def on(self, factor: float) -> "Reliability":
        """The same rule for an image whose sides are `factor` times as long."""
        return replace(self, crf=self.crf.shrunk(factor))


@torch.no_grad()
def reliable_labels(
    maps: Float[Tensor, "b s h w"],
    image: Float[Tensor, "b 3 h w"],
    tags: Bool[Tensor, "b s"],
    rule: Reliability | None = None,
    known: Bool[Tensor, "b h w"] | None = None,
    valid: Bool[Tensor, "b h w"] | None = None,
) -> Int[Tensor, "b h w"]:
    """Class of each sure pixel, `IGNORE` (255) elsewhere.

    Args:
        maps: activation maps, >= 0; normalised here.
        image: red, green, blue from 0 to 255.
        tags: the classes that an image shows. Others are never a label.
        rule: when a pixel is sure; None for `Reliability()`.
        known: pixels whose class is told otherwise, such as those under boxes; they are ignored.
        valid: False where a pixel is padding; ignored, and without influence on the others.
    """
    _check(maps, image, tags, known, valid)
    return sure_labels(maps, image, tags, rule or Reliability(), known, valid)


@torch.no_grad()
def sure_labels(
    maps: Float[Tensor, "b s h w"],
    image: Float[Tensor, "b 3 h w"],
    tags: Bool[Tensor, "b s"],
    rule: Reliability,
    known: Bool[Tensor, "b h w"] | None,
    valid: Bool[Tensor, "b h w"] | None,
    others: Float[Tensor, "b h w"] | None = None,
) -> Int[Tensor, "b h w"]:
    """`reliable_labels` without its checks.

    With `others`, the scores of classes that are no tag, `maps` are scores that compare with them and are taken as they
    are; where the others win, no label is sure.
    """
    slots, present = _slots(tags)
    maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
    maps = maps if valid is None else maps * valid.unsqueeze(1)
    scores = torch.take_along_dim(maps if others is not None else normalised(maps), slots[:, :, None, None], 1)
    scores = scores * present[:, :, None, None]
    edges = rule.crf.edges(image.to(scores.dtype), valid)
    if others is not None:
        label, sure = _beside_others(scores, others, edges, present, rule)
        label = torch.take_along_dim(slots, label.flatten(1), 1).view_as(label)
    elif rule.background is None:
        believed = rule.crf(scores, edges, present)
        confidence, label = believed.max(1)
        sure = _sure_of_classes(scores, scores.argmax(1), label, rule) & (confidence >= rule.confidence)
        label = torch.take_along_dim(slots, label.flatten(1), 1).view_as(label)
    else:
        label, sure = _beside_background(scores, edges, present, rule, rule.background)
        shifted = torch.cat([torch.zeros_like(slots[:, :1]), slots + 1], 1)
        label = torch.take_along_dim(shifted, label.flatten(1), 1).view_as(label)
    sure = sure & tags.any(1).view(-1, 1, 1)
    sure = sure if known is None else sure & ~known
    return label.masked_fill(~(sure if valid is None else sure & valid), IGNORE)


def _beside_others(
    scores: Float[Tensor, "b m h w"],
    others: Float[Tensor, "b h w"],
    edges: tuple[Edges, ...],
    present: Bool[Tensor, "b m"],
    rule: Reliability,
) -> tuple[Int[Tensor, "b h w"], Bool[Tensor, "b h w"]]:
    """Slot of each pixel, and where it is sure: where the CRF is, and the slot was the largest score before it too."""
    every = torch.cat([scores, others.to(scores.dtype).unsqueeze(1)], 1)
    probabilities = rule.crf(every, edges, torch.cat([present, torch.ones_like(present[:, :1])], 1))
    confidence, found = probabilities.max(1)
    own, last = every.argmax(1), scores.shape[1]
    sure = _sure_of_classes(every, own, found, rule, ties=True) & (own < last) & (found < last)
    return found.clamp(max=last - 1), sure & (confidence >= rule.confidence)


def _beside_background(
    scores: Float[Tensor, "b m h w"],
    edges: tuple[Edges, ...],
    present: Bool[Tensor, "b m"],
    rule: Reliability,
    exponents: tuple[float, float],
) -> tuple[Int[Tensor, "b h w"], Bool[Tensor, "b h w"]]:
    """RRM's labels (0 background, then the slots) and where they are sure."""
    largest = scores.amax(1, keepdim=True)
    low, high = exponents
    present = torch.cat([torch.ones_like(present[:, :1]), present], 1)
    objects, ground = (
        rule.crf(torch.cat([(1 - largest) ** exponent, scores], 1), edges, present) for exponent in (low, high)
    )
    found = objects.argmax(1)
    is_ground = ground.argmax(1) == 0
    confidence = torch.cat([ground[:, :1], objects[:, 1:]], 1).amax(1)
    backdrop = (1 - largest) ** high
    own = torch.cat([backdrop, scores], 1).argmax(1)
    sure = _sure_of_classes(scores, own - 1, found - 1, rule)
    any_ground = (found == 0).flatten(1).any(1).view(-1, 1, 1)
    sure |= any_ground & (own == 0) & (backdrop.squeeze(1) > rule.background_floor)
    sure &= (is_ground | (found > 0)) & (confidence >= rule.confidence)
    return found.masked_fill(is_ground, 0), sure


def _sure_of_classes(
    scores: Float[Tensor, "b m h w"],
    own: Int[Tensor, "b h w"],
    found: Int[Tensor, "b h w"],
    rule: Reliability,
    ties: bool = False,
) -> Bool[Tensor, "b h w"]:
    """Pixels among the top of the class whose map is largest there, of classes that the CRF found somewhere.

    RRM leaves out those that equal the threshold; with `ties` they count, as probabilities are often 1 exactly.
    """
    slot = torch.arange(scores.shape[1], device=scores.device).view(1, -1, 1)
    mine = own.flatten(1).unsqueeze(1) == slot
    appears = (found.flatten(1).unsqueeze(1) == slot).any(-1, keepdim=True)
    values = scores.flatten(2)
    counted = mine & (values > rule.floor)
    count = counted.sum(-1, keepdim=True)
    ascending = values.masked_fill(~counted, -1).sort(-1).values
    below = (count.double() * (1 - rule.top)).long()
    last = values.shape[-1] - 1
    threshold = ascending.gather(-1, (last + 1 - count + below).clamp(max=last))
    above = values >= threshold if ties else values > threshold
    return (counted & appears & above).any(1).view_as(own)


def _slots(tags: Bool[Tensor, "b s"]) -> tuple[Int[Tensor, "b m"], Bool[Tensor, "b m"]]:
    """The present classes of each image, ascending, padded to the image with the most; and which are no padding."""
    most = max(1, int(tags.sum(1).max())) if len(tags) else 1
    slots = torch.sort(tags.to(torch.uint8), dim=1, descending=True, stable=True).indices[:, :most]
    return slots, tags.gather(1, slots)


def _check(maps: Tensor, image: Tensor, tags: Tensor, known: Tensor | None, valid: Tensor | None) -> None:
    _FORM.check(maps, image, tags, known, valid)
    if not maps.shape[1]:
        raise ValueError(f"maps: wanted at least one class, got shape {tuple(maps.shape)}")
    finite(sums(maps, image), maps=maps, image=image)
