"""Panoptic quality with intervals, box and mask AP, mean IoU: in memory and from COCO panoptic files."""

from cqb_core.evaluation.average_precision import AveragePrecision, ClassPrecision, Detections, PrecisionResult
from cqb_core.evaluation.bootstrap import Interval, pq_difference, pq_interval
from cqb_core.evaluation.contributions import Contributions, Group
from cqb_core.evaluation.files import FilePair, PanopticFiles, evaluate_files
from cqb_core.evaluation.mean_iou import ClassIou, MeanIou, MeanIouResult
from cqb_core.evaluation.overlap import ImageId
from cqb_core.evaluation.panoptic_quality import ClassQuality, GroupQuality, PanopticQuality, PanopticResult
from cqb_core.evaluation.report import Evaluation, Intervals

__all__ = [
    "AveragePrecision",
    "ClassIou",
    "ClassPrecision",
    "ClassQuality",
    "Contributions",
    "Detections",
    "Evaluation",
    "FilePair",
    "Group",
    "GroupQuality",
    "ImageId",
    "Interval",
    "Intervals",
    "MeanIou",
    "MeanIouResult",
    "PanopticFiles",
    "PanopticQuality",
    "PanopticResult",
    "PrecisionResult",
    "evaluate_files",
    "pq_difference",
    "pq_interval",
]
