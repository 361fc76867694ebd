"""Scores while a network is tested: PQ, AP and mIoU as one metric of mmengine."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.registry import METRICS
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric

from cqb_core.data.images import read_id_map
from cqb_core.data.panoptic_files import PanopticEntry, PanopticSplit, parse_split
from cqb_core.errors import InputError
from cqb_core.evaluation.average_precision import AveragePrecision
from cqb_core.evaluation.mean_iou import MeanIou
from cqb_core.evaluation.outputs import detections, panoptic_map
from cqb_core.evaluation.panoptic_quality import PanopticQuality
from cqb_core.evaluation.report import Evaluation, Intervals
from cqb_core.segments import PanopticMap, Segment
from cqb_core.taxonomy import Taxonomy


class Scores:
    """PQ, AP and mIoU of the images that one process has seen.

    Args:
        taxonomy: the classes.
        masks: whether mask AP is measured.
    """

    def __init__(self, taxonomy: Taxonomy, masks: bool = True) -> None:
        self.quality, self.mean_iou = PanopticQuality(taxonomy), MeanIou(taxonomy)
        self.precision = AveragePrecision(taxonomy, masks)

    def merge(self, others: Sequence["Scores"]) -> None:
        """Add the images of other processes."""
        parts = [self.quality.contributions(), *(other.quality.contributions() for other in others)]
        self.quality = PanopticQuality.from_contributions(self.quality.taxonomy, *parts)
        for other in others:
            self.precision.merge(other.precision)
            self.mean_iou.merge(other.mean_iou)

    def evaluation(self, seed: int = 0) -> Evaluation:
        """All scores, with bootstrap intervals drawn from `seed`."""
        intervals = Intervals.of(self.quality, np.random.default_rng(seed))
        mask = self.precision.mask() if self.precision.masks else None
        return Evaluation(self.quality.result(), intervals, self.precision.box(), mask, self.mean_iou.result())


@METRICS.register_module()
class PanopticEvaluator(BaseMetric):
    """Test-time metric over `pred_panoptic_seg` and `pred_instances`; reports PQ and the rest in percent.

    Predictions are scored as they come and not kept.

    Args:
        ann_file: panoptic json of the truth.
        seg_prefix: its folder of id maps.
        masks: whether mask AP is measured.
        kwargs: those of mmengine's `BaseMetric`.

    Attributes:
        evaluation: everything that was measured at the last test; None before.
    """

    default_prefix = None

    def __init__(
        self, ann_file: str | PathLike[str], seg_prefix: str | PathLike[str], masks: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.split = PanopticSplit(Path(ann_file).stem, Path(), Path(seg_prefix), Path(ann_file))
        self.faults: dict[int | None, InputError] = {}
        index = parse_split(self.split, self._note)
        self.taxonomy, self.masks = index.taxonomy, masks
        self.entries = {entry.image_id: entry for entry in index.entries}
        self.scores = Scores(self.taxonomy, masks)
        self.evaluation: Evaluation | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Score a batch."""
        for sample in data_samples:
            image_id = sample["img_id"]
            truth = self._truth(image_id)
            coded = sample["pred_panoptic_seg"]["sem_seg"][0].cpu().numpy().astype(np.int64)
            predicted = panoptic_map(coded, self.taxonomy)
            self.scores.quality.update(predicted, truth, image_id)
            self.scores.mean_iou.update(predicted, truth, image_id)
            self.scores.precision.update(detections(sample["pred_instances"], self.taxonomy), truth, image_id)

    def _note(self, image_id: int | None, fault: InputError) -> None:
        self.faults.setdefault(image_id, fault)

    def _truth(self, image_id: int) -> PanopticMap:
        """The ground truth of an image; one whose annotation is broken is no fault as long as nobody asks for it."""
        if image_id in self.faults:
            raise self.faults[image_id]
        if image_id not in self.entries:
            raise InputError(self.split.annotation_file, "images", f"one with id {image_id}", "none")
        return true_map(self.split, self.entries[image_id])

    def evaluate(self, size: int) -> dict[str, float | None]:
        """Join the processes, and start afresh."""
        mine, *others = all_gather_object(self.scores)
        mine.merge(others)
        self.scores = Scores(self.taxonomy, self.masks)
        self.evaluation = mine.evaluation()
        return self.compute_metrics([])

    def compute_metrics(self, results: list[Any]) -> dict[str, float | None]:
        """The headline figures of the last evaluation, in percent."""
        made = self.evaluation
        if made is None:
            return {}
        panoptic, mean_iou = made.panoptic, made.mean_iou
        figures = {
            "PQ": panoptic.all.pq,
            "SQ": panoptic.all.sq,
            "RQ": panoptic.all.rq,
            "PQ_things": panoptic.things.pq,
            "PQ_stuff": panoptic.stuff.pq,
            "box_AP": made.box.ap if made.box else None,
            "mask_AP": made.mask.ap if made.mask else None,
            "mIoU": mean_iou.mean if mean_iou else None,
        }
        return {name: round(100 * value, 4) for name, value in figures.items() if value is not None}


def true_map(split: PanopticSplit, entry: PanopticEntry) -> PanopticMap:
    """The ground truth of one image, read from its files."""
    ids = read_id_map(split.map_path(entry), (entry.width, entry.height), split.maps_dir)
    segments = tuple(Segment(info.id, info.category_id, bool(info.iscrowd)) for info in entry.segments)
    return PanopticMap(ids, segments)
