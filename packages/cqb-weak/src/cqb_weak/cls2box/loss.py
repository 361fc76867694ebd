"""L_C2B: cross-entropy between image scores and image tags (Du et al. 2021, "Image Labels"; WSDDN, Sec. 3.4)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cqb_weak.cls2box.image_scores import EPS, detector_probabilities, image_scores
from cqb_weak.cls2box.mid import mid_scores, segment_softmax
from cqb_weak.cls2box.refinement import pseudo_labels, refinement_loss
from cqb_weak.form import Form
from cqb_weak.options import choice, within
from cqb_weak.values import Values

REDUCTIONS = ("sum", "mean")
COUPLINGS = ("product", "detector", "classifier", "none")


def _form(columns: str, boxes: bool) -> Form:
    rows = ["class_logits: floating n t", "proposal_logits: floating n t", "image_index: integral n"]
    rows += ["tags: boolean b t", "owned?: boolean b"]
    rows += [f"detector_logits: floating n {columns}"] if columns else []
    return Form(*rows, *["boxes: floating n 4"] * boxes)


_FORMS = {(columns, boxes): _form(columns, boxes) for columns in ("", "t", "t+1") for boxes in (False, True)}
"""By the detector's columns (none when they are not read), and whether boxes are read."""


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
    choice("reduction", reduction, REDUCTIONS)
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
            the place of the class stream, "classifier" puts the softmax of the detector's classes there, without its
            background, which tags do not tell of; "none" leaves the detector out (plain WSDDN).
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
        choice("reduction", self.reduction, REDUCTIONS)
        choice("coupling", self.coupling, COUPLINGS)
        within("temperature", self.temperature, 1e-3, 1e3)
        within("eps", self.eps, 1e-7, 0.1)
        within("refine", self.refine, 0.0, float("inf"))
        within("refine_iou", self.refine_iou, 0.0, 1.0)

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
        values = Values()
        image = values.index("image_index", image_index, len(tags))
        if self.refine and boxes is not None:
            values.boxes(empty=True, boxes=boxes)
        if owned is not None:
            logits = {name: _only(each, owned[image]) for name, each in logits.items()}
        losses = self._terms(logits, image, tags, boxes, owned)
        values.check(list(losses.values()), **logits)
        return losses

    def _terms(
        self, logits: dict[str, Tensor], image: Tensor, tags: Tensor, boxes: Tensor | None, owned: Tensor | None
    ) -> dict[str, Float[Tensor, ""]]:
        """The call without its checks; `logits` by the name of their argument, zeros where an image owns no tags."""
        counted = tags.new_zeros(len(tags)).index_fill(0, image, True)
        counted = counted if owned is None else counted & owned
        scores = self.scores(**logits, image_index=image, num_images=len(tags))
        per_image = image_scores(scores, None, image, len(tags), self.eps)
        losses = {"loss_cls2box": cls2box_loss(per_image, tags, self.reduction, counted)}
        if self.refine and boxes is not None:
            labels = pseudo_labels(scores, boxes, image, tags, self.refine_iou)
            losses["loss_refine"] = self.refine * refinement_loss(logits["detector_logits"], labels, image, counted)
        return losses

    def scores(
        self,
        class_logits: Float[Tensor, "n t"],
        proposal_logits: Float[Tensor, "n t"],
        image_index: Int[Tensor, " n"],
        num_images: int,
        detector_logits: Float[Tensor, "n k"] | None = None,
    ) -> Float[Tensor, "n t"]:
        """What each proposal adds to the score of its image; the best of a tag's proposals is its pseudo box.

        Arguments as in the call, unchecked.
        """
        if self.coupling in ("detector", "classifier"):
            shares = segment_softmax(proposal_logits / self.temperature, image_index, num_images)
            scores = shares + _nothing_of(class_logits)
        else:
            scores = mid_scores(class_logits, proposal_logits, image_index, num_images, self.temperature)
        if self.coupling == "none" or detector_logits is None:
            return scores
        p = self._judgement(detector_logits, class_logits.shape[1])
        if self.detach_detector:
            p = p.detach() + _nothing_of(detector_logits)[:, : class_logits.shape[1]]
        return scores * p

    def _judgement(self, detector_logits: Float[Tensor, "n k"], num_classes: int) -> Float[Tensor, "n t"]:
        """What the detector thinks of each class, with its background or, of a thing that is there, without."""
        if self.coupling != "classifier":
            return detector_probabilities(detector_logits, num_classes)
        classes = detector_logits[:, :num_classes]
        return classes.to(torch.promote_types(classes.dtype, torch.float32)).softmax(1)

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
        logits = {"class_logits": class_logits, "proposal_logits": proposal_logits}
        tensors: list[Tensor | None] = [class_logits, proposal_logits, image_index, tags, owned]
        columns = ""
        if self.coupling != "none" or self.refine:
            columns = "t" if self._sigmoids(class_logits, detector_logits) else "t+1"
            tensors.append(detector_logits)
        if self.refine:
            tensors.append(boxes)
        _FORMS[columns, self.refine > 0].check(*tensors)
        if columns and detector_logits is not None:
            logits["detector_logits"] = detector_logits
        return logits

    def _sigmoids(self, class_logits: Tensor, logits: Tensor | None) -> bool:
        """Whether the detector's classes are independent; refinement needs a background column."""
        if self.refine or not isinstance(logits, Tensor) or not isinstance(class_logits, Tensor):
            return False
        return logits.shape[-1:] == class_logits.shape[-1:]


def _only(logits: Float[Tensor, "n k"], rows: Bool[Tensor, " n"]) -> Float[Tensor, "n k"]:
    """The logits of these rows and zeros, without gradient, in the others."""
    return torch.where(rows.unsqueeze(1), logits, 0.0)


def _nothing_of(logits: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Zeros with a connected graph and zero gradients, so that distributed training finds every parameter used."""
    return torch.where(torch.zeros_like(logits, dtype=torch.bool), logits, 0.0)
