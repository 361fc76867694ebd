"""Box2Mask: masks from boxes alone, L_B2M = L_MIL + L_structure (Du et al. 2021, Eq. 3; Hsu et al. 2019)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cqb_weak.box2mask.bags import box_bags
from cqb_weak.box2mask.colour import neighbours_alike
from cqb_weak.box2mask.structure import check_structure_options, neighbour_loss
from cqb_weak.box2mask.tightness import bag_loss, check_bag_options
from cqb_weak.form import Form
from cqb_weak.options import within
from cqb_weak.values import Values

_OTHERS = ("rois: floating n 4", "gt_boxes: floating n 4", "classes?: integral n", "colours?: floating n 3 h w")
_OWN_CHANNEL, _ALL_CHANNELS = (Form(f"mask_logits: floating {axes}", *_OTHERS) for axes in ("n h w", "n t h w"))


@dataclass(frozen=True)
class Box2MaskLoss:
    """The loss of a mask head on positive RoIs that own a box and no mask; defaults are the paper's.

    Attributes:
        structure_weight: of the structure term.
        padding: "none", or "zero" as in the public code (`structure_loss`).
        confidence_weighted: as in the first release of the public code (`structure_loss`).
        pooling: "max", "alpha-softmax" or "quasimax" (`tightness_loss`).
        sharpness: alpha of the smooth poolings.
        angles: degrees of further, slanted bags.
        similarity: neighbours at least so alike in colour are tied, when colours are given (`colour_alike`).
        warmup: the structure term grows from 0 to its weight over so many steps.
    """

    structure_weight: float = 0.05
    padding: str = "none"
    confidence_weighted: bool = False
    pooling: str = "max"
    sharpness: float = 4.0
    angles: tuple[float, ...] = ()
    similarity: float = 0.3
    warmup: int = 0

    def __post_init__(self) -> None:
        within("structure_weight", self.structure_weight, 0.0, float("inf"))
        check_structure_options(self.padding)
        check_bag_options(self.pooling, self.sharpness, self.angles)
        within("similarity", self.similarity, 0.0, 1.0)
        within("warmup", float(self.warmup), 0.0, float("inf"))

    def __call__(
        self,
        mask_logits: Float[Tensor, "n t h w"] | Float[Tensor, "n h w"],
        rois: Float[Tensor, "n 4"],
        gt_boxes: Float[Tensor, "n 4"],
        classes: Int[Tensor, " n"] | None = None,
        *,
        colours: Float[Tensor, "n 3 h w"] | None = None,
        step: int | None = None,
    ) -> dict[str, Tensor]:
        """`loss_mil` and `loss_structure`, weighted, to be summed; both exact zeros when n is 0.

        Args:
            mask_logits: of positive RoIs, a channel a thing class, or only the one of the RoI's class.
            rois: xyxy in pixels, what the masks were pooled from.
            gt_boxes: the box that each RoI is matched with, xyxy in the same pixels.
            classes: the channel of each RoI's box; wanted with `n t h w`.
            colours: of the cells (`roi_colours`); neighbours are then tied only where they look alike.
            step: how many steps the training has made; wanted with `warmup`.

        Raises:
            TypeError, ValueError: naming the argument whose type, shape, device or value is wrong.
        """
        self._check(mask_logits, rois, gt_boxes, classes, colours, step)
        values = Values()
        values.boxes(rois=rois, gt_boxes=gt_boxes)
        if classes is not None:
            classes = values.index("classes", classes, mask_logits.shape[1])
        mil, structure = self._terms(mask_logits, rois, gt_boxes, classes, colours)
        values.check((mil, structure), mask_logits=mask_logits)
        return {"loss_mil": mil, "loss_structure": structure * self._weight(step)}

    def _terms(
        self, mask_logits: Tensor, rois: Tensor, gt_boxes: Tensor, classes: Tensor | None, colours: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Both terms, unweighted, without checks."""
        z = mask_logits if classes is None else mask_logits[torch.arange(len(classes), device=classes.device), classes]
        rows, cols = box_bags(rois, gt_boxes, (z.shape[1], z.shape[2]))
        alike = None if colours is None else neighbours_alike(colours, self.similarity)
        mil = bag_loss(z, rows, cols, self.pooling, self.sharpness, self.angles)
        return mil, neighbour_loss(z, alike, self.padding, self.confidence_weighted)

    def _weight(self, step: int | None) -> float:
        return self.structure_weight * (min(1.0, step / self.warmup) if self.warmup and step is not None else 1.0)

    def _check(
        self,
        mask_logits: Tensor,
        rois: Tensor,
        gt_boxes: Tensor,
        classes: Tensor | None,
        colours: Tensor | None,
        step: int | None,
    ) -> None:
        form = _OWN_CHANNEL if classes is None else _ALL_CHANNELS
        form.check(mask_logits, rois, gt_boxes, classes, colours)
        if self.warmup and step is None:
            raise ValueError(f"step: wanted the number of steps made, since warmup is {self.warmup}, got None")
