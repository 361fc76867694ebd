"""What the auxiliaries are shown of the cascade."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from mmdet.models.task_modules.samplers import SamplingResult
from torch import Tensor

from cqb_core.models.auxiliary import UNSAMPLED, ImageLabels, SemanticView, StageView


@dataclass(frozen=True)
class StagePass:
    """RoIs of one stage and what the box head said of them; those of images with boxes come first."""

    rois: Tensor
    region: Tensor | None
    feature: Tensor
    class_logits: Tensor
    box_deltas: Tensor

    def first(self, count: int) -> dict[str, Tensor]:
        """Mmdet's `bbox_results` of the first `count` RoIs."""
        return {
            "rois": self.rois[:count],
            "cls_score": self.class_logits[:count],
            "bbox_pred": self.box_deltas[:count],
            "bbox_feats": self.feature[:count],
        }


@dataclass(frozen=True)
class TestViews:
    """What auxiliaries may read while boxes are predicted, and the semantic logits that they leave."""

    images: Sequence[ImageLabels]
    semantic: SemanticView | None
    semantic_logits: list[Tensor]


def averaged(base: Tensor, others: Sequence[Tensor | None]) -> Tensor:
    """The mean of the network's logits and those of the auxiliaries that have some."""
    every = [base, *(other for other in others if other is not None)]
    return base if len(every) == 1 else torch.stack(every).mean(0)


def stage_view(
    stage: int,
    seen: StagePass,
    images: Sequence[ImageLabels],
    semantic: SemanticView | None,
    mask_logits: Callable[..., Tensor],
    sampled: Mapping[int, SamplingResult] | None = None,
    targets: tuple[Tensor, ...] | None = None,
) -> StageView:
    """The view of one stage.

    Args:
        stage: 0 for the first.
        seen: its RoIs.
        images: every image of the batch.
        semantic: the semantic branch, where it has seen images.
        mask_logits: of chosen RoIs.
        sampled: by position in the batch, for the images with boxes, whose RoIs come first; none at test.
        targets: mmdet's `bbox_targets` of their RoIs.
    """
    if seen.region is None:
        raise RuntimeError("a stage without auxiliaries has no view")
    count = len(seen.rois)
    classes = seen.rois.new_full((count,), UNSAMPLED, dtype=torch.long)
    box_targets = seen.rois.new_zeros((count, 4))
    matched = torch.full_like(classes, -1)
    if targets is not None and sampled:
        classes[: len(targets[0])] = targets[0]
        box_targets[: len(targets[2])] = targets[2]
        matched[: len(targets[0])] = torch.cat([_matched(result) for result in sampled.values()])
    return StageView(
        stage=stage,
        images=images,
        image_index=seen.rois[:, 0].long(),
        boxes=seen.rois[:, 1:],
        feature=seen.feature,
        region=seen.region,
        class_logits=seen.class_logits,
        box_deltas=seen.box_deltas,
        class_targets=classes,
        box_targets=box_targets,
        matched=matched,
        mask_logits=mask_logits,
        semantic=semantic,
    )


def _matched(result: SamplingResult) -> Tensor:
    negatives = result.pos_assigned_gt_inds.new_full((len(result.neg_priors),), -1)
    return torch.cat([result.pos_assigned_gt_inds, negatives])
