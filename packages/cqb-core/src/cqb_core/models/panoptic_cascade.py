"""Panoptic FPN with a cascade (Fig. 3 without its four modules), trained on images with mixed labels.

Each part of the network sees the images whose labels it learns from and no other: a loss whose label is absent on an
image gets no term from it. Where a batch lacks a label altogether, the loss is an exact zero that touches the part's
parameters.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from mmdet.models.detectors import TwoStagePanopticSegmentor
from mmdet.models.seg_heads import PanopticFPNHead
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from cqb_core.labels import Labels
from cqb_core.models.auxiliary import (
    Auxiliary,
    Host,
    ImageLabels,
    SemanticAuxiliary,
    SemanticView,
    StageAuxiliary,
    split_means,
    zero_counts,
)
from cqb_core.models.batch_share import checked_share, weigh_by_share
from cqb_core.models.fine_semantic_head import DetailFPN, FineSemanticHead
from cqb_core.models.global_means import divisors, over_all_processes
from cqb_core.models.routing import connected_zero, having, inside, select
from cqb_core.models.stages import count_classes
from cqb_core.models.views import averaged
from cqb_core.taxonomy import IGNORE


@MODELS.register_module()
class PanopticCascade(TwoStagePanopticSegmentor):
    """mmdet's FPN, RPN, cascade, Panoptic FPN head and heuristic fusion, with routing per image.

    Its parameters are named as those of mmdet's `TwoStagePanopticSegmentor`, so checkpoints of either load into the
    other, plus those of the auxiliaries.

    Args:
        num_things: thing classes; told to every head.
        num_stuff: stuff classes; likewise.
        roi_head: config of a `RoutedCascadeRoIHead`.
        semantic_head: config of mmdet's `PanopticFPNHead`.
        panoptic_fusion_head: config of mmdet's `HeuristicFusionHead`.
        auxiliaries: configs of stage and semantic auxiliaries; each is built with `host`, a stage auxiliary once per
            stage.
        full_share: share of a batch's images from which on an auxiliary's losses have their full weight; of fewer, they
            weigh in proportion (`cqb_core.models.batch_share`). 0 for full weight always.
        test_cfg: mmdet's; `panoptic.score_thr` keeps detections below it out of the panoptic map, while
            `rcnn.score_thr` says which are reported at all (average precision wants them lower).
        kwargs: those of `TwoStagePanopticSegmentor`.
    """

    def __init__(
        self,
        *,
        num_things: int,
        num_stuff: int,
        roi_head: ConfigDict,
        semantic_head: ConfigDict,
        panoptic_fusion_head: ConfigDict,
        auxiliaries: Sequence[Mapping[str, Any]] = (),
        full_share: float | int = 0.5,
        **kwargs: Any,
    ) -> None:
        count_classes(roi_head["bbox_head"], num_things)
        count_classes(roi_head["mask_head"], num_things)
        counts = {"num_things_classes": num_things, "num_stuff_classes": num_stuff}
        super().__init__(
            roi_head=roi_head,
            semantic_head=semantic_head | counts,
            panoptic_fusion_head=ConfigDict(panoptic_fusion_head | counts),
            **kwargs,
        )
        self.full_share = checked_share(full_share)
        self.semantic_auxiliaries = nn.ModuleList()
        if auxiliaries:
            # The network begins with the same weights whatever is plugged in: runs with and without are pairs.
            with torch.random.fork_rng(devices=()):
                self._plug([dict(config) for config in auxiliaries])

    def loss(self, batch_inputs: Tensor, batch_data_samples: Sequence[DetDataSample]) -> dict[str, Any]:
        """Losses of a batch of any mixture of labels.

        Args:
            batch_inputs: normalised images, `b 3 h w`, padded on the far edges.
            batch_data_samples: one sample an image, as `PackOwnedLabels` made them.
        """
        images = [ImageLabels.of(sample) for sample in batch_data_samples]
        x, detail = self._features(batch_inputs)
        losses, counts, proposals = self._proposal_terms(x, batch_data_samples, images)
        semantic, pixels, view = self._semantic_terms(x, detail, batch_inputs, batch_data_samples, images)
        counts |= zero_counts(self._semantic_auxiliaries) | pixels
        regions, sampled = self.roi_head.loss(x, proposals, batch_data_samples, images, view)
        losses |= regions | semantic
        if not proposals and view is None:
            losses["loss_unlabelled"] = connected_zero(self.backbone, self.neck)
        weighed = weigh_by_share(losses, [*self._semantic_auxiliaries, *self.roi_head.at(0)], images, self.full_share)
        return over_all_processes(weighed, counts | sampled)

    def predict(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[DetDataSample], rescale: bool = True
    ) -> Sequence[DetDataSample]:
        """Add `pred_panoptic_seg` (mmdet's coding) and `pred_instances` to every sample."""
        x, detail = self._features(batch_inputs)
        proposals = self.rpn_head.predict(x, batch_data_samples, rescale=False)
        every = list(range(len(batch_data_samples)))
        view = self._look(x, every, [ImageLabels.of(sample) for sample in batch_data_samples], batch_inputs)
        instances, enhanced = self.roi_head.predict(x, proposals, batch_data_samples, rescale, view)
        more = [auxiliary.enhance(view).semantic_logits for auxiliary in self._semantic_auxiliaries]
        logits = self._refined(averaged(view.logits, [*enhanced, *more]), detail)
        semantic = [_resized(row, sample, rescale) for row, sample in zip(logits, batch_data_samples, strict=True)]
        panoptic = self.panoptic_fusion_head.predict([self._sure(found) for found in instances], semantic)
        for sample, found, fused in zip(batch_data_samples, instances, panoptic, strict=True):
            sample.pred_instances, sample.pred_panoptic_seg = found, fused
        return batch_data_samples

    def _features(self, inputs: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """The pyramid, and the finer map in front of it if the neck passes one on."""
        x = self.extract_feat(inputs)
        return (x[1:], x[0]) if isinstance(self.neck, DetailFPN) else (x, None)

    def _refined(self, logits: Tensor, detail: Tensor | None) -> Tensor:
        return logits if detail is None else self.semantic_head.refine(logits, detail)

    @property
    def _semantic_auxiliaries(self) -> Sequence[SemanticAuxiliary]:
        return [cast(SemanticAuxiliary, auxiliary) for auxiliary in self.semantic_auxiliaries]

    def _proposal_terms(
        self, x: tuple[Tensor, ...], samples: Sequence[DetDataSample], images: Sequence[ImageLabels]
    ) -> tuple[dict[str, Any], dict[str, Tensor | float], dict[int, InstanceData]]:
        """RPN losses of the images with boxes, their counts of anchors, and the proposals of all images that pass the
        cascade.
        """
        boxed = having(images, lambda image: Labels.BOX in image.owned.implied)
        passing = having(images, lambda image: Labels.BOX in image.owned.implied or self.roi_head.asks_for(image.owned))
        if not passing:
            return *self._rpn_losses((), [], []), {}
        maps = self.rpn_head(select(x, passing))
        rows = [passing.index(position) for position in boxed]
        losses, counts = self._rpn_losses(maps, rows, [samples[position] for position in boxed])
        config = self.train_cfg.get("rpn_proposal", self.test_cfg.rpn)
        found = self.rpn_head.predict_by_feat(
            *maps, batch_img_metas=[samples[position].metainfo for position in passing], cfg=config
        )
        return losses, counts, dict(zip(passing, found, strict=True))

    def _rpn_losses(
        self, maps: Sequence[Sequence[Tensor]], rows: list[int], samples: Sequence[DetDataSample]
    ) -> tuple[dict[str, Any], dict[str, Tensor | float]]:
        """Losses of the images at `rows` of `maps`, and over how many anchors they are means."""
        names = ("loss_rpn_cls", "loss_rpn_bbox")
        if not rows:
            return dict.fromkeys(names, connected_zero(self.rpn_head)), dict.fromkeys(names, 0.0)
        boxes = [sample.gt_instances.bboxes for sample in samples]
        with divisors(self.rpn_head.loss_cls) as anchors:
            losses: dict[str, Any] = self.rpn_head.loss_by_feat(
                *(select(levels, rows) for levels in maps),
                [InstanceData(bboxes=box, labels=torch.zeros_like(box[:, 0], dtype=torch.long)) for box in boxes],
                [sample.metainfo for sample in samples],
                [sample.get("ignored_instances") for sample in samples],
            )
        return losses, dict.fromkeys(names, anchors[0])

    def _semantic_terms(
        self,
        x: tuple[Tensor, ...],
        detail: Tensor | None,
        inputs: Tensor,
        samples: Sequence[DetDataSample],
        images: Sequence[ImageLabels],
    ) -> tuple[dict[str, Tensor], dict[str, Tensor | int], SemanticView | None]:
        """Semantic losses, over how many things they are means, and what the branch made of the images that need it."""
        labelled = having(images, lambda image: Labels.STUFF in image.owned)
        target = self._semantic_target([samples[position] for position in labelled])
        if isinstance(self.semantic_head, FineSemanticHead):
            self.semantic_head.observe(target)
        seen, counts = having(images, self._semantic_asked), dict[str, Tensor | int](loss_seg=0)
        if not seen:
            return {"loss_seg": connected_zero(self.semantic_head, self.semantic_auxiliaries)}, counts, None
        view = self._look(x, seen, images, inputs)
        if target is None:
            terms = {"loss_seg": connected_zero(self.semantic_head)}
        else:
            finer = None if detail is None else select((detail,), labelled)[0]
            logits = self._refined(select((view.logits,), [seen.index(position) for position in labelled])[0], finer)
            terms = {"loss_seg": semantic_loss(self.semantic_head, logits, target)}
            counts["loss_seg"] = (target != IGNORE).sum()
        for auxiliary in self._semantic_auxiliaries:
            values, over = split_means(auxiliary, auxiliary.loss(view))
            terms |= values
            counts |= over
        return terms, counts, view

    def _semantic_target(self, labelled: Sequence[DetDataSample]) -> Tensor | None:
        """What the semantic head is to say of the images that own stuff maps; None without any."""
        if not labelled:
            return None
        return semantic_target(self.semantic_head, torch.stack([sample.gt_sem_seg.sem_seg for sample in labelled]))

    def _semantic_asked(self, image: ImageLabels) -> bool:
        readers: list[Auxiliary] = [*self._semantic_auxiliaries]
        readers += [auxiliary for auxiliary in self.roi_head.at(0) if auxiliary.reads_semantic]
        return Labels.STUFF in image.owned or any(reader.asks_for(image.owned) for reader in readers)

    def _look(
        self, x: tuple[Tensor, ...], seen: list[int], images: Sequence[ImageLabels], inputs: Tensor
    ) -> SemanticView:
        made, shown = self.semantic_head(select(x, seen)), [images[position] for position in seen]
        return SemanticView(
            index=seen,
            images=shown,
            feature=made["seg_feats"],
            logits=made["seg_preds"],
            valid=inside([image.size for image in shown], inputs.shape[2:], made["seg_preds"]),
            pixels=lambda: self._pixels(inputs[seen]),
        )

    def _pixels(self, inputs: Tensor) -> Tensor:
        preprocessor = self.data_preprocessor
        rgb = inputs * preprocessor.std + preprocessor.mean if preprocessor._enable_normalize else inputs
        return rgb if preprocessor._channel_conversion else rgb.flip(1)

    def _sure(self, found: InstanceData) -> InstanceData:
        return found[found.scores >= self.test_cfg.panoptic.get("score_thr", 0)]

    def _plug(self, configs: Sequence[dict[str, Any]]) -> None:
        host = self._host()
        stages: list[list[StageAuxiliary]] = [[] for _ in range(host.num_stages)]
        for config in configs:
            built = MODELS.build({**config, "host": host})
            if isinstance(built, StageAuxiliary):
                stages[0].append(built)
                for stage in stages[1:]:
                    stage.append(MODELS.build({**config, "host": host}))
            elif isinstance(built, SemanticAuxiliary):
                self.semantic_auxiliaries.append(built)
            else:
                raise TypeError(
                    f"auxiliaries: wanted a StageAuxiliary or SemanticAuxiliary, got {type(built).__name__}"
                )
        self.roi_head.plug(stages)

    def _host(self) -> Host:
        head = self.roi_head.bbox_head[0]
        return Host(
            num_things=self.num_things_classes,
            num_stuff=self.num_stuff_classes,
            region_channels=head.in_channels,
            region_size=head.roi_feat_size[0],
            region_dim=head.fc_cls.in_features,
            box_columns=head.fc_reg.out_features,
            semantic_dim=self.semantic_head.inner_channels,
            num_stages=self.roi_head.num_stages,
        )


def semantic_target(head: PanopticFPNHead, maps: Tensor) -> Tensor:
    """What a head is to say, `m h w` at the size of its loss.

    Args:
        head: the head; merges the thing classes of `maps` into its last channel.
        maps: `m 1 H W`: things 0..t-1, stuff t..t+s-1, 255 unknown.
    """
    target: Tensor = F.interpolate(maps.float(), scale_factor=head.seg_rescale_factor, mode="nearest").squeeze(1)
    made: Tensor = head._set_things_to_void(target)
    return made


def semantic_loss(head: PanopticFPNHead, logits: Tensor, target: Tensor) -> Tensor:
    """Mmdet's `PanopticFPNHead.loss` on logits that are there already.

    Args:
        head: the head.
        logits: `m s+1 h w`.
        target: `m H W`, see `semantic_target`.
    """
    logits = F.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)
    loss: Tensor = head.loss_seg(logits.permute(0, 2, 3, 1).flatten(0, 2), target.flatten().long())
    return loss


def _resized(logits: Tensor, sample: DetDataSample, rescale: bool) -> Tensor:
    """Logits of one image at the size of the network's input or, with `rescale`, of the photograph; `s+1 h w`."""
    size = sample.batch_input_shape
    full = F.interpolate(logits[None], size=size, mode="bilinear", align_corners=False)
    if rescale:
        height, width = sample.img_shape
        full = F.interpolate(full[..., :height, :width], size=sample.ori_shape, mode="bilinear", align_corners=False)
    return full[0]
