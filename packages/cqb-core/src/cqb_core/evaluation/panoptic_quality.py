"""Panoptic quality (Kirillov et al. 2019), equal to panopticapi, on maps in memory, one image at a time."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cqb_core.errors import InputError
from cqb_core.evaluation.contributions import (
    FN,
    FP,
    IOU_SUM,
    TP,
    Contributions,
    Group,
    class_present,
    class_quality,
    group_quality,
    group_slice,
)
from cqb_core.evaluation.overlap import ImageId, Overlap, overlap
from cqb_core.segments import PanopticMap
from cqb_core.taxonomy import Category, Taxonomy


@dataclass(frozen=True)
class ClassQuality:
    """PQ, SQ and RQ of one class as fractions, 0 when no segment has it, and what they were made from."""

    category: Category
    pq: float
    sq: float
    rq: float
    iou_sum: float
    tp: int
    fp: int
    fn: int

    @property
    def present(self) -> bool:
        """Whether a segment of truth or prediction has this class, so that it counts in its group."""
        return self.tp + self.fp + self.fn > 0


@dataclass(frozen=True)
class GroupQuality:
    """PQ, SQ and RQ averaged over the `n` present classes of a group, as fractions; None when n is 0."""

    pq: float | None
    sq: float | None
    rq: float | None
    n: int


@dataclass(frozen=True)
class PanopticResult:
    """PQ of a set of images: each class in taxonomy order, and the three groups."""

    images: int
    classes: tuple[ClassQuality, ...]
    all: GroupQuality
    things: GroupQuality
    stuff: GroupQuality


class PanopticQuality:
    """Collects images and scores them.

    The rules are panopticapi's: a match needs the same class and IoU > 0.5, the union leaves out what the truth calls
    void; a predicted segment with more than half of its pixels on void and on the last crowd segment of its class
    is no false positive; crowd segments are never matched nor missed.
    Distributed runs join `contributions()` of their processes.

    Args:
        taxonomy: the classes.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._images: dict[ImageId, Float[np.ndarray, "k 4"]] = {}

    @classmethod
    def from_contributions(cls, taxonomy: Taxonomy, *parts: Contributions) -> "PanopticQuality":
        """The metric that has seen the images of every part.

        Raises:
            InputError: when a part has other classes than the taxonomy, or an image occurs twice.
        """
        joined = Contributions.joined(parts)
        quality = cls(taxonomy)
        if joined.category_ids != quality._category_ids:
            raise InputError("contributions", "category_ids", f"{quality._category_ids}", joined.category_ids)
        quality._images = dict(zip(joined.image_ids, joined.values, strict=True))
        return quality

    def __len__(self) -> int:
        return len(self._images)

    def update(
        self,
        prediction: PanopticMap,
        truth: PanopticMap,
        image_id: ImageId,
        names: tuple[str, str] = ("prediction", "truth"),
        truth_areas: Mapping[int, int] | None = None,
    ) -> None:
        """Score one image; the maps are not kept.

        Args:
            prediction: `h w`.
            truth: `h w`.
            image_id: must be new.
            names: where prediction and truth come from, for messages.
            truth_areas: pixels of true segments by id, where a file states them. panopticapi believes the file, and so
                does this, with one warning when the map disagrees; areas that are not given are counted.

        Raises:
            InputError: on the faults that `overlap` names, or when the image was scored before.
        """
        if image_id in self._images:
            raise InputError(names[1], f"image {image_id}", "an image that was not scored before", "it again")
        shared = overlap(prediction, truth, self.taxonomy, image_id, names)
        areas = shared.truth_areas
        if truth_areas:
            areas = _stated_areas(areas, truth, truth_areas, names[1])
        self._images[image_id] = match_segments(shared, areas, len(self.taxonomy.categories))

    def contributions(self) -> Contributions:
        """What each image added, in the order of their arrival."""
        shape = (len(self._images), len(self._category_ids), 4)
        values = np.array(list(self._images.values()), np.float64).reshape(shape)
        return Contributions(tuple(self._images), self._category_ids, values)

    def result(self) -> PanopticResult:
        """The scores of the images so far."""
        totals = self.contributions().values.sum(axis=0)
        rows = zip(self.taxonomy.categories, class_quality(totals).tolist(), totals.tolist(), strict=True)
        classes = tuple(
            ClassQuality(category, pq, sq, rq, sums[IOU_SUM], int(sums[TP]), int(sums[FP]), int(sums[FN]))
            for category, (pq, sq, rq), sums in rows
        )
        groups = (self._group(totals, group) for group in ("all", "things", "stuff"))
        return PanopticResult(len(self), classes, *groups)

    @property
    def _category_ids(self) -> tuple[int, ...]:
        return tuple(category.id for category in self.taxonomy.categories)

    def _group(self, totals: Float[np.ndarray, "k 4"], group: Group) -> GroupQuality:
        members = totals[group_slice(self.taxonomy, group)]
        n = int(class_present(members).sum())
        if n == 0:
            return GroupQuality(None, None, None, 0)
        pq, sq, rq = group_quality(members).tolist()
        return GroupQuality(pq, sq, rq, n)


def match_segments(shared: Overlap, truth_areas: Int[np.ndarray, " g"], num_classes: int) -> Float[np.ndarray, "k 4"]:
    """Match the segments of one image and count per class (panopticapi's rules).

    Args:
        shared: overlap of g true and p predicted segments.
        truth_areas: pixels of each true segment.
        num_classes: k.

    Returns:
        summed IoU of the matches, TP, FP and FN of each class.
    """
    counts = np.zeros((num_classes, 4))
    inner = shared.pixels[1:-1, 1:]
    prediction_areas, void = shared.prediction_areas, shared.pixels[0, 1:]
    comparable = (inner > 0) & (shared.truth_classes[:, None] == shared.prediction_classes) & ~shared.crowd[:, None]
    rows, columns = np.nonzero(comparable)
    intersection = inner[rows, columns]
    union = prediction_areas[columns] + truth_areas[rows] - intersection - void[columns]
    iou = intersection / union
    matched = iou > 0.5
    rows, columns = rows[matched], columns[matched]
    np.add.at(counts[:, IOU_SUM], shared.truth_classes[rows], iou[matched])
    np.add.at(counts[:, TP], shared.truth_classes[rows], 1)

    missed = ~shared.crowd
    missed[rows] = False
    np.add.at(counts[:, FN], shared.truth_classes[missed], 1)
    wrong = (void + _crowd_pixels(shared, num_classes)) / prediction_areas <= 0.5
    wrong[columns] = False
    np.add.at(counts[:, FP], shared.prediction_classes[wrong], 1)
    return counts


def _crowd_pixels(shared: Overlap, num_classes: int) -> Int[np.ndarray, " p"]:
    """Pixels of each predicted segment on the last crowd segment of its class."""
    last = np.full(num_classes, -1)
    for row in np.flatnonzero(shared.crowd):
        last[shared.truth_classes[row]] = row
    rows = last[shared.prediction_classes]
    pixels: Int[np.ndarray, " p"] = shared.pixels[rows + 1, np.arange(1, len(rows) + 1)]
    return np.where(rows >= 0, pixels, 0)


def _stated_areas(
    counted: Int[np.ndarray, " g"], truth: PanopticMap, stated: Mapping[int, int], name: str
) -> Int[np.ndarray, " g"]:
    pairs = zip(truth.segments, counted.tolist(), strict=True)
    areas = np.array([stated.get(segment.id, pixels) for segment, pixels in pairs], np.int64)
    if not np.array_equal(areas, counted):
        warnings.warn(
            f"{name}: areas that differ from the pixels of the map; PQ uses them, as panopticapi does", stacklevel=3
        )
    return areas
