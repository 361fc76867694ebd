"""L_RR = L_cls.en + L_reg.en + beta L_seg.en ("Semantic Coherence"), each on what its images own.

A term without a single label is an exact zero that keeps the graph connected.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from cqb_graph.attention import widened
from cqb_graph.form import Form
from cqb_graph.relations import Predictions
from cqb_graph.values import Values

_FORM = Form("classes: integral n", "boxes: any n xyxy", "semantic?: integral b _ _")

UNLABELLED_REGION = -1
"""The class target of a region whose image owns no boxes."""

UNLABELLED_PIXEL = 255
"""The class target of a pixel that nothing is known of, and of all pixels of an image that owns no stuff map."""


@dataclass(frozen=True)
class Targets:
    """Labels of a batch.

    Args:
        classes: of each region: a thing class, t for background, -1 where the image owns no boxes.
        boxes: of each region, in the host's box coding; read where the class is a thing.
        semantic: channel of the semantic logits for each pixel, 255 unknown; None when no image owns any. At any
            size: logits are resized to it.
    """

    classes: Integer[Tensor, " n"]
    boxes: Float[Tensor, "n 4"]
    semantic: Integer[Tensor, "b H W"] | None = None


@dataclass(frozen=True)
class RelationTerms:
    """The three terms, weighted as they are summed."""

    classes: Float[Tensor, ""]
    boxes: Float[Tensor, ""]
    semantic: Float[Tensor, ""]

    @property
    def total(self) -> Float[Tensor, ""]:
        """Their sum, L_RR."""
        return self.classes + self.boxes + self.semantic


def class_loss(logits: Float[Tensor, "n t_bg"], classes: Integer[Tensor, " n"]) -> Float[Tensor, ""]:
    """Mean cross-entropy over the regions that are labelled."""
    total = F.cross_entropy(widened(logits), classes.long(), ignore_index=UNLABELLED_REGION, reduction="sum")
    return total / (classes != UNLABELLED_REGION).sum().clamp(min=1)


def box_loss(
    deltas: Float[Tensor, "n e"], classes: Integer[Tensor, " n"], boxes: Float[Tensor, "n 4"], num_things: int
) -> Float[Tensor, ""]:
    """Smooth L1 (transition at 1) of the things, summed, over the number of labelled regions, as cascades have it."""
    things = (classes >= 0) & (classes < num_things)
    columns = widened(deltas).unflatten(1, (-1, 4))
    group = classes.long().where(things, classes.new_zeros(()).long()) if columns.shape[1] > 1 else classes.long() * 0
    chosen = columns.gather(1, group[:, None, None].expand(-1, 1, 4))[:, 0]
    distance = F.smooth_l1_loss(chosen, boxes.to(chosen.dtype).where(things[:, None], chosen.detach()), reduction="sum")
    return distance / (classes != UNLABELLED_REGION).sum().clamp(min=1)


def semantic_loss(logits: Float[Tensor, "b s h w"], semantic: Integer[Tensor, "b H W"] | None) -> Float[Tensor, ""]:
    """Mean cross-entropy over the pixels that are labelled, at the labels' size."""
    if semantic is None:
        return widened(logits).sum() * 0
    resized = widened(logits)
    if resized.shape[2:] != semantic.shape[1:]:
        resized = F.interpolate(resized, size=semantic.shape[1:], mode="bilinear", align_corners=False)
    total = F.cross_entropy(resized, semantic.long(), ignore_index=UNLABELLED_PIXEL, reduction="sum")
    return total / (semantic != UNLABELLED_PIXEL).sum().clamp(min=1)


class RelationLoss(nn.Module):
    """L_RR on the enhanced predictions.

    Args:
        beta: weight of the semantic term; 0.5 in the paper.
    """

    def __init__(self, beta: float = 0.5) -> None:
        super().__init__()
        if not beta >= 0:
            raise ValueError(f"beta: wanted a weight of 0 or more, got {beta}")
        self.beta = beta

    def forward(self, predictions: Predictions, targets: Targets) -> RelationTerms:
        """The three terms.

        Raises:
            TypeError: class numbers are no integers.
            ValueError: shapes that do not fit the predictions, or a class number out of range.
        """
        things = predictions.class_logits.shape[1] - 1
        n, b, channels = (
            len(predictions.class_logits),
            len(predictions.semantic_logits),
            predictions.semantic_logits.shape[1],
        )
        _FORM.check(targets.classes, targets.boxes, targets.semantic, n=n, b=b, xyxy=4)
        values, semantic = Values(), targets.semantic
        classes = values.index("classes", targets.classes, UNLABELLED_REGION, things)
        if semantic is not None:
            semantic = values.index("semantic", semantic, 0, channels - 1, besides=UNLABELLED_PIXEL)
        terms = RelationTerms(
            class_loss(predictions.class_logits, classes),
            box_loss(predictions.box_deltas, classes, targets.boxes, things),
            self.beta * semantic_loss(predictions.semantic_logits, semantic),
        )
        values.check()
        return terms
