"""The best proposal of each tag becomes a label for all that overlap it (OICR: Tang et al. 2017, Alg. 1)."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


class PseudoLabels(NamedTuple):
    """A class for each proposal and how much to trust it.

    Args:
        classes: 0..t-1, or t for background.
        weights: score of the seed that it was matched with; 0 on an image without tags, which has no seed.
    """

    classes: Int[Tensor, " n"]
    weights: Float[Tensor, " n"]


@torch.no_grad()
def pseudo_labels(
    scores: Float[Tensor, "n t"],
    boxes: Float[Tensor, "n 4"],
    image_index: Int[Tensor, " n"],
    tags: Bool[Tensor, "b t"],
    iou: float = 0.5,
) -> PseudoLabels:
    """The seed of a tagged class is its best-scoring proposal; others take that of the seed they overlap most.

    Args:
        scores: of each proposal and class, such as phi_MID times the detector's probabilities.
        boxes: xyxy in pixels.
        image_index: image of each proposal, 0..b-1, in any order.
        tags: classes in each image.
        iou: overlap with its seed from which a proposal is no longer background.

    Ties go to the earlier proposal and the earlier class. No gradient.
    """
    if not len(scores):
        return PseudoLabels(image_index.new_empty(0, dtype=torch.long), scores.new_empty(0))
    image = image_index.long()
    peaks, seeds = _seeds(scores, image, len(tags))
    overlap = pairwise_iou(boxes.to(scores.dtype), boxes.to(scores.dtype)[seeds][image])
    best, classes = overlap.masked_fill(~tags[image], -1.0).max(1)
    weights = peaks[image].gather(1, classes.unsqueeze(1)).squeeze(1)
    return PseudoLabels(torch.where(best >= iou, classes, scores.shape[1]), torch.where(best >= 0, weights, 0.0))


def _seeds(
    scores: Float[Tensor, "n t"], image: Int[Tensor, " n"], num_images: int
) -> tuple[Float[Tensor, "b t"], Int[Tensor, "b t"]]:
    """Highest score of each class in each image, and the first proposal that has it (0 where there is none)."""
    index = image.unsqueeze(1).expand_as(scores)
    none = scores.new_full((num_images, scores.shape[1]), -torch.inf)
    peaks = none.scatter_reduce(0, index, scores, "amax")
    rows = torch.arange(len(scores), device=scores.device).unsqueeze(1)
    at_peak = torch.where(scores == peaks[image], rows, len(scores))
    seeds = torch.full_like(none, len(scores), dtype=torch.long).scatter_reduce(0, index, at_peak, "amin")
    return peaks, seeds.where(seeds < len(scores), 0)


def pairwise_iou(boxes: Float[Tensor, "n 4"], seeds: Float[Tensor, "n t 4"]) -> Float[Tensor, "n t"]:
    """Overlap of a box with each seed in its row; 0 where both are empty."""
    boxes = boxes.unsqueeze(1)
    low, high = torch.maximum(boxes[..., :2], seeds[..., :2]), torch.minimum(boxes[..., 2:], seeds[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).prod(-1) for each in (boxes, seeds)]
    union = areas[0] + areas[1] - shared
    return torch.where(union > 0, shared / union.clamp(min=torch.finfo(union.dtype).tiny), 0.0)


def refinement_loss(
    detector_logits: Float[Tensor, "n t_bg"],
    labels: PseudoLabels,
    image_index: Int[Tensor, " n"],
    counted: Bool[Tensor, " b"],
) -> Float[Tensor, ""]:
    """Weighted cross-entropy, mean over the proposals of an image, then over the counted images (OICR, Eq. 4).

    `detector_logits`: t classes and, last, background. Zero with a connected graph when no image counts.
    """
    logits = detector_logits.to(torch.promote_types(detector_logits.dtype, torch.float32))
    terms = labels.weights * F.cross_entropy(logits, labels.classes, reduction="none")
    image = image_index.long()
    proposals = terms.new_zeros(len(counted)).scatter_add(0, image, torch.ones_like(terms)).clamp(min=1)
    means = terms.new_zeros(len(counted)).scatter_add(0, image, terms) / proposals
    return torch.where(counted, means, 0.0).sum() / counted.sum().clamp(min=1)
