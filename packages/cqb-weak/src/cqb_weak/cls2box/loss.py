"""L_C2B: cross-entropy between image scores and image tags (Du et al. 2021, "Image Labels"; WSDDN, Sec. 3.4)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cqb_weak import arguments
from cqb_weak.cls2box.image_scores import EPS, detector_probabilities, image_scores
from cqb_weak.cls2box.mid import mid_scores, segment_softmax
from cqb_weak.cls2box.refinement import pseudo_labels, refinement_loss

REDUCTIONS = ("sum", "mean")
COUPLINGS = ("product", "detector", "none")


def cls2box_loss(
    scores: Float[Tensor, "b t"],
    tags: Bool[Tensor, "b t"],
    reduction: str = "sum",
    counted: Bool[Tensor, " b"] | None = None,
) -> Float[Tensor, ""]:
    """Binary cross-entropy of each class, its sum (or mean) over classes, mean over the counted images.

    Args:
        scores: from `image_scores`, strictly between 0 and 1.
        tags: classes in each image.
        reduction: "sum" or "mean" over classes.
        counted: images that take part; none for all. Zero with a connected graph when there is none.

    ValueError when `reduction` is another.
    """
    arguments.choice("reduction", reduction, REDUCTIONS)
    counted = scores.new_ones(len(scores), dtype=torch.bool) if counted is None else counted
    bits = torch.where(tags, scores, 1 - scores)
    terms = -torch.where(counted.unsqueeze(1), bits, 1.0).log()
    total = terms.sum() / counted.sum().clamp(min=1)
    return total / max(scores.shape[1], 1) if reduction == "mean" else total


@dataclass(frozen=True)
class Cls2BoxLoss:
    """Cls2Box as one call, with the paper's defaults.

    Args:
        reduction: over classes: "sum" (WSDDN's, t times larger) or "mean".
        temperature: of the softmax over proposals.
        coupling: "product" multiplies phi_MID with the detector's probabilities (the paper), "detector" puts these in
            the place of the class stream, "none" leaves them out (plain WSDDN).
        eps: image scores are clamped to [eps, 1 - eps].
        refine: weight of the refinement term, 0 for none; it needs boxes and a background column.
        refine_iou: overlap with the best proposal of a tag from which another takes its class.
        detach_detector: take the detector's probabilities without gradient, so that tags teach the two streams alone.
            The refinement term, where there is one, still teaches the detector.

    Raises:
        ValueError: at construction or call, names the argument, what was wanted and what came.
        TypeError: the same, for dtypes.
    """

    reduction: str = "sum"
    temperature: float = 1.0
    coupling: str = "product"
    eps: float = EPS
    refine: float = 0.0
    refine_iou: float = 0.5
    detach_detector: bool = False

    def __post_init__(self) -> None:
        arguments.choice("reduction", self.reduction, REDUCTIONS)
        arguments.choice("coupling", self.coupling, COUPLINGS)
        arguments.within("temperature", self.temperature, 1e-3, 1e3)
        arguments.within("eps", self.eps, 1e-7, 0.1)
        arguments.within("refine", self.refine, 0.0, float("inf"))
        arguments.within("refine_iou", self.refine_iou, 0.0, 1.0)

    def __call__(
        self,
        class_logits: Tensor,
        proposal_logits: Tensor,
        image_index: Tensor,
        tags: Tensor,
        detector_logits: Tensor | None = None,
        *,
        boxes: Tensor | None = None,
        owned: Tensor | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        """Mean over the images that own tags and have proposals.

        Args:
            class_logits: n t, the class stream of `MIDHead`.
            proposal_logits: n t, its proposal stream.
            image_index: n whole numbers, image of each proposal, 0..b-1, in any order.
            tags: b t bool, whether each class is in each image.
            detector_logits: n t+1 with the background last, or n t independent (sigmoid) classes; not read when
                `coupling` is "none" and `refine` is 0.
            boxes: n 4 xyxy in pixels, read when `refine` is above 0.
            owned: b bool, images that own tags; none for all. The others' proposals are not read, whatever they hold.

        Returns:
            "loss_cls2box" and, when `refine` is above 0, "loss_refine". Exact zeros with a connected graph and zero
            gradients when no image counts.
        """
        logits = self._checked(class_logits, proposal_logits, image_index, tags, detector_logits, boxes, owned)
        image = image_index.long()
        counted = tags.new_zeros(len(tags)).index_fill(0, image, True)
        if owned is not None:
            counted = counted & owned
            logits = {name: _only(each, owned[image]) for name, each in logits.items()}
        scores = self._proposal_scores(**logits, image=image, tags=tags)
        per_image = image_scores(scores, None, image, len(tags), self.eps)
        losses = {"loss_cls2box": cls2box_loss(per_image, tags, self.reduction, counted)}
        if self.refine and boxes is not None:
            labels = pseudo_labels(scores, boxes, image, tags, self.refine_iou)
            losses["loss_refine"] = self.refine * refinement_loss(logits["detector_logits"], labels, image, counted)
        arguments.finite(torch.stack(list(losses.values())).sum(), **logits)
        return losses

    def _proposal_scores(
        self,
        class_logits: Tensor,
        proposal_logits: Tensor,
        image: Tensor,
        tags: Tensor,
        detector_logits: Tensor | None = None,
    ) -> Float[Tensor, "n t"]:
        """What each proposal adds to the score of its image."""
        if self.coupling == "detector":
            scores = segment_softmax(proposal_logits / self.temperature, image, len(tags)) + _nothing_of(class_logits)
        else:
            scores = mid_scores(class_logits, proposal_logits, image, len(tags), self.temperature)
        if self.coupling == "none" or detector_logits is None:
            return scores
        p = detector_probabilities(detector_logits, tags.shape[1])
        if self.detach_detector:
            p = p.detach() + _nothing_of(detector_logits)[:, : tags.shape[1]]
        return scores * p

    def _checked(
        self,
        class_logits: Tensor,
        proposal_logits: Tensor,
        image_index: Tensor,
        tags: Tensor,
        detector_logits: Tensor | None,
        boxes: Tensor | None,
        owned: Tensor | None,
    ) -> dict[str, Tensor]:
        """The logits that this loss reads, by the name of their argument."""
        shapes = arguments.Shapes()
        logits = {
            "class_logits": shapes.check("class_logits", class_logits, "n t"),
            "proposal_logits": shapes.check("proposal_logits", proposal_logits, "n t"),
        }
        others = {
            "image_index": shapes.check("image_index", image_index, "n"),
            "tags": shapes.check("tags", tags, "b t"),
        }
        if self.coupling != "none" or self.refine:
            logits["detector_logits"] = self._detector(shapes, detector_logits)
        if self.refine:
            others["boxes"] = shapes.check("boxes", boxes, "n 4")
            arguments.boxes_ordered("boxes", others["boxes"])
        if owned is not None:
            others["owned"] = shapes.check("owned", owned, "b")
            arguments.boolean(owned=owned)
        arguments.floating(**logits)
        arguments.integral(image_index=image_index)
        arguments.boolean(tags=tags)
        arguments.together(**logits, **others)
        arguments.indices_within("image_index", image_index, len(tags))
        return logits

    def _detector(self, shapes: arguments.Shapes, logits: Tensor | None) -> Tensor:
        """Refinement needs the background column; without it, t columns are sigmoids."""
        classes = shapes.sizes["t"]
        sigmoids = not self.refine and logits is not None and logits.shape[-1:] == (classes,)
        return shapes.check("detector_logits", logits, "n t" if sigmoids else f"n {classes + 1}")


def _only(logits: Float[Tensor, "n k"], rows: Bool[Tensor, " n"]) -> Float[Tensor, "n k"]:
    """The logits of these rows and zeros, without gradient, in the others."""
    return torch.where(rows.unsqueeze(1), logits, 0.0)


def _nothing_of(logits: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Zeros with a connected graph and zero gradients, so that distributed training finds every parameter used."""
    return torch.where(torch.zeros_like(logits, dtype=torch.bool), logits, 0.0)
