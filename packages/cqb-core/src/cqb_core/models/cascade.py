"""mmdet's cascade, for batches whose images own different labels and with auxiliaries at every stage.

Images with boxes are sampled and trained as in mmdet. Images without pass the same stages with their best proposals,
unsampled, when an auxiliary asks for them; the base losses never see those.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from mmdet.models.roi_heads import CascadeRoIHead
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor, nn

from cqb_core.labels import Labels
from cqb_core.models.auxiliary import ImageLabels, SemanticView, StageAuxiliary, split_means, zero_counts
from cqb_core.models.routing import connected_zero
from cqb_core.models.stages import box_heads, training
from cqb_core.models.views import StagePass, TestViews, averaged, stage_view


@MODELS.register_module()
class RoutedCascadeRoIHead(CascadeRoIHead):
    """The cascade of the thing branch.

    Its parameters are named as those of mmdet's `CascadeRoIHead`, plus `auxiliaries.{stage}`.

    Args:
        num_stages: how many times a box is refined.
        bbox_head: one config for all stages (`cqb_core.models.stages`) or a list.
        train_cfg: likewise.
        unsampled: how many proposals, the best by the RPN's score, an image without boxes passes on; as many as mmdet
            samples of an image with boxes by default.
        kwargs: those of `CascadeRoIHead`.
    """

    def __init__(
        self, num_stages: int, *, bbox_head: Any, train_cfg: Any = None, unsampled: int = 512, **kwargs: Any
    ) -> None:
        super().__init__(
            num_stages,
            bbox_head=box_heads(bbox_head, num_stages),
            train_cfg=training(train_cfg, num_stages),
            **kwargs,
        )
        self.unsampled = unsampled
        self.auxiliaries = nn.ModuleList(nn.ModuleList() for _ in range(self.num_stages))

    def plug(self, auxiliaries: Sequence[Sequence[StageAuxiliary]]) -> None:
        """Give each stage its auxiliaries."""
        self.auxiliaries = nn.ModuleList(nn.ModuleList(stage) for stage in auxiliaries)

    def at(self, stage: int) -> Sequence[StageAuxiliary]:
        """The auxiliaries of a stage."""
        return [cast(StageAuxiliary, auxiliary) for auxiliary in cast(nn.ModuleList, self.auxiliaries[stage])]

    def asks_for(self, owned: Labels) -> bool:
        """Whether some auxiliary learns from an image that owns these labels."""
        return any(auxiliary.asks_for(owned) for auxiliary in self.at(0))

    def loss(
        self,
        x: tuple[Tensor, ...],
        proposals: dict[int, InstanceData],
        samples: Sequence[DetDataSample],
        images: Sequence[ImageLabels],
        semantic: SemanticView | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor | int]]:
        """Losses of every stage, and over how many things those of boxes, masks and auxiliaries are means.

        Args:
            x: feature pyramid of the whole batch.
            proposals: by position in the batch, for the images that own boxes and those that an auxiliary asks for.
            samples: the whole batch.
            images: what each sample owns.
            semantic: what the semantic branch made of the batch, for auxiliaries that read it.
        """
        losses: dict[str, Tensor] = {}
        counts: dict[str, Tensor | int] = {}
        for stage in range(self.num_stages):
            counts |= _counts(stage, {}, images) | zero_counts(self.at(stage), f"s{stage}.")
        boxed = [position for position in proposals if Labels.BOX in images[position].owned.implied]
        others = [position for position in proposals if position not in boxed]
        kept = {position: proposals[position].bboxes for position in proposals}
        kept |= {position: self._best(proposals[position]) for position in others}
        for stage in range(self.num_stages):
            self.current_stage = stage
            sampled = self._sample(stage, x, {i: kept[i] for i in boxed}, samples)
            rois = _rois({i: result.priors for i, result in sampled.items()} | {i: kept[i] for i in others}, x[0])
            if not len(rois):
                return losses | self._zeros(range(stage, self.num_stages)), counts
            seen = self._see(stage, x, rois)
            terms, targets = self._box_terms(stage, seen, list(sampled.values()))
            terms |= self._mask_terms(stage, x, sampled, samples, images)
            if self.auxiliaries[stage]:
                view = stage_view(stage, seen, images, semantic, self._masks_of(stage, x, seen), sampled, targets)
                for auxiliary in self.at(stage):
                    values, over = split_means(auxiliary, auxiliary.loss(view))
                    terms |= values
                    counts |= {f"s{stage}.{name}": count for name, count in over.items()}
            counts |= _counts(stage, sampled, images)
            weight = self.stage_loss_weights[stage]
            losses |= {f"s{stage}.{name}": value * weight if "loss" in name else value for name, value in terms.items()}
            if stage < self.num_stages - 1:
                kept = self._refine(stage, seen, sampled, targets, others, samples)
        return losses, counts

    def predict(
        self,
        x: tuple[Tensor, ...],
        proposals: Sequence[InstanceData],
        samples: Sequence[DetDataSample],
        rescale: bool = False,
        semantic: SemanticView | None = None,
    ) -> tuple[list[InstanceData], list[Tensor]]:
        """Detections with masks of every image, and the semantic logits that auxiliaries add to the branch's own.

        Box logits and deltas of a stage are averaged with those of its auxiliaries.
        """
        metas = [sample.metainfo for sample in samples]
        views = TestViews([ImageLabels.of(sample) for sample in samples], semantic, [])
        boxes = self.predict_bbox(
            x, metas, proposals, self.test_cfg, rescale=rescale and not self.with_mask, views=views
        )
        if self.with_mask:
            boxes = self.predict_mask(x, metas, boxes, rescale=rescale)
        return boxes, views.semantic_logits

    def _bbox_forward(
        self, stage: int, x: tuple[Tensor, ...], rois: Tensor, views: "TestViews | None" = None
    ) -> dict[str, Tensor]:
        seen = self._see(stage, x, rois)
        results = seen.first(len(rois))
        if views is not None and self.auxiliaries[stage]:
            view = stage_view(stage, seen, views.images, views.semantic, self._masks_of(stage, x, seen))
            enhanced = [auxiliary.enhance(view) for auxiliary in self.at(stage)]
            views.semantic_logits.extend(e.semantic_logits for e in enhanced if e.semantic_logits is not None)
            results["cls_score"] = averaged(seen.class_logits, [e.class_logits for e in enhanced])
            results["bbox_pred"] = averaged(seen.box_deltas, [e.box_deltas for e in enhanced])
        return results

    def _see(self, stage: int, x: tuple[Tensor, ...], rois: Tensor) -> StagePass:
        extractor, head = self.bbox_roi_extractor[stage], self.bbox_head[stage]
        feature = extractor(x[: extractor.num_inputs], rois)
        if not self.auxiliaries[stage]:
            class_logits, box_deltas = head(feature)
            return StagePass(rois, None, feature, class_logits, box_deltas)
        read: list[Tensor] = []
        hook = head.fc_cls.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        try:
            class_logits, box_deltas = head(feature)
        finally:
            hook.remove()
        return StagePass(rois, read[0], feature, class_logits, box_deltas)

    def _best(self, proposals: InstanceData) -> Tensor:
        best: Tensor = proposals.bboxes[proposals.scores.topk(min(self.unsampled, len(proposals))).indices]
        return best

    def _sample(
        self, stage: int, x: tuple[Tensor, ...], kept: dict[int, Tensor], samples: Sequence[DetDataSample]
    ) -> dict[int, SamplingResult]:
        """Match the proposals of images with boxes to their boxes, and sample positives and negatives."""
        sampled = {}
        for position, boxes in kept.items():
            truth, ignored = samples[position].gt_instances, samples[position].get("ignored_instances")
            proposals = InstanceData(priors=boxes)
            matched = self.bbox_assigner[stage].assign(proposals, truth, ignored)
            feats = [level[position][None] for level in x]
            sampled[position] = self.bbox_sampler[stage].sample(matched, proposals, truth, feats=feats)
        return sampled

    def _box_terms(
        self, stage: int, seen: StagePass, sampled: list[SamplingResult]
    ) -> tuple[dict[str, Tensor], tuple[Tensor, ...] | None]:
        """Classification and regression of the sampled RoIs, with their targets."""
        count = sum(len(result.priors) for result in sampled)
        if not count:
            zero = connected_zero(self.bbox_head[stage])
            return {"loss_cls": zero, "loss_bbox": zero}, None
        results = seen.first(count)
        made = self.bbox_head[stage].loss_and_target(
            cls_score=results["cls_score"],
            bbox_pred=results["bbox_pred"],
            rois=results["rois"],
            sampling_results=sampled,
            rcnn_train_cfg=self.train_cfg[stage],
        )
        return dict(made["loss_bbox"]), made["bbox_targets"]

    def _mask_terms(
        self,
        stage: int,
        x: tuple[Tensor, ...],
        sampled: dict[int, SamplingResult],
        samples: Sequence[DetDataSample],
        images: Sequence[ImageLabels],
    ) -> dict[str, Tensor]:
        """Mask loss of the positives on images that own masks."""
        if not self.with_mask:
            return {}
        masked = {i: sampled[i] for i in _masked(sampled, images)}
        rois = _rois({i: result.pos_priors for i, result in masked.items()}, x[0])
        if not len(rois):
            return {"loss_mask": connected_zero(self.mask_head[stage])}
        made = self.mask_head[stage].loss_and_target(
            mask_preds=self._mask_forward(stage, x, rois)["mask_preds"],
            sampling_results=list(masked.values()),
            batch_gt_instances=[samples[i].gt_instances for i in masked],
            rcnn_train_cfg=self.train_cfg[stage],
        )
        return dict(made["loss_mask"])

    @torch.no_grad()
    def _refine(
        self,
        stage: int,
        seen: StagePass,
        sampled: dict[int, SamplingResult],
        targets: tuple[Tensor, ...] | None,
        others: Sequence[int],
        samples: Sequence[DetDataSample],
    ) -> dict[int, Tensor]:
        """Boxes for the next stage: mmdet's for sampled images, the regressed proposals for the others."""
        head, refined = self.bbox_head[stage], {}
        count = sum(len(result.priors) for result in sampled.values())
        if targets is not None:
            results: dict[str, Any] = seen.first(count) | {"bbox_targets": targets}
            metas = [samples[position].metainfo for position in sampled]
            # mmdet counts the images of a batch from 0 on; here some may be missing in between.
            counts = torch.tensor([len(result.priors) for result in sampled.values()], device=seen.rois.device)
            places = torch.arange(len(counts), device=seen.rois.device).repeat_interleave(counts)
            results["rois"] = torch.cat([places[:, None].to(seen.rois.dtype), seen.rois[:count, 1:]], dim=1)
            boxes = head.refine_bboxes(list(sampled.values()), results, metas)
            refined = {position: box.bboxes for position, box in zip(sampled, boxes, strict=True)}
        for position in others:
            mine = (seen.rois[:, 0] == position).nonzero()[:, 0]
            label = seen.class_logits[mine, :-1].argmax(dim=1)
            meta = samples[position].metainfo
            moved = head.regress_by_class(seen.rois[mine, 1:], label, seen.box_deltas[mine], meta)
            refined[position] = get_box_tensor(moved)
        return refined

    def _masks_of(self, stage: int, x: tuple[Tensor, ...], seen: StagePass) -> Callable[..., Tensor]:
        def mask_logits(chosen: Tensor, boxes: Tensor | None = None) -> Tensor:
            rois = seen.rois[chosen]
            framed = rois if boxes is None else torch.cat([rois[:, :1], boxes], dim=1)
            logits: Tensor = self._mask_forward(stage, x, framed)["mask_preds"]
            return logits

        return mask_logits

    def _zeros(self, unreached: Sequence[int]) -> dict[str, Tensor]:
        """The losses of stages that no RoI reached."""
        losses: dict[str, Tensor] = {}
        for stage in unreached:
            zero = connected_zero(self.bbox_head[stage], self.auxiliaries[stage])
            losses |= {f"s{stage}.loss_cls": zero, f"s{stage}.loss_bbox": zero}
            if self.with_mask:
                losses[f"s{stage}.loss_mask"] = connected_zero(self.mask_head[stage])
        return losses


def _rois(boxes: dict[int, Tensor], like: Tensor) -> Tensor:
    """RoIs as heads take them (`n 5`: position in the batch, xyxy), from boxes by position."""
    rows = [torch.cat([box.new_full((len(box), 1), position), box[:, :4]], dim=1) for position, box in boxes.items()]
    return torch.cat(rows) if rows else like.new_zeros((0, 5))


def _masked(sampled: dict[int, SamplingResult], images: Sequence[ImageLabels]) -> list[int]:
    """Positions of the sampled images that own masks."""
    return [position for position in sampled if Labels.MASK in images[position].owned]


def _counts(stage: int, sampled: dict[int, SamplingResult], images: Sequence[ImageLabels]) -> dict[str, int]:
    """Over how many RoIs each loss of a stage is a mean."""
    boxes = sum(len(result.priors) for result in sampled.values())
    masks = sum(len(sampled[position].pos_priors) for position in _masked(sampled, images))
    return {f"s{stage}.loss_cls": boxes, f"s{stage}.loss_bbox": boxes, f"s{stage}.loss_mask": masks}
