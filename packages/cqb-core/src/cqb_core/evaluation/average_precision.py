"""Box and mask AP of things: pycocotools' COCOeval, fed from memory instead of json files."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cqb_core.errors import InputError
from cqb_core.evaluation.overlap import ImageId, class_indices
from cqb_core.segments import PanopticMap
from cqb_core.taxonomy import Category, Taxonomy

AREAS = ("all", "small", "medium", "large")


@dataclass(frozen=True)
class Detections:
    """The predicted things of one image.

    Args:
        boxes: `n 4`, xyxy in pixels with an exclusive far edge.
        scores: `n`, finite.
        category_ids: `n` published ids of thing categories.
        masks: `n h w`, or None when only boxes are scored.
    """

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, " n"]
    category_ids: Int[np.ndarray, " n"]
    masks: Bool[np.ndarray, "n h w"] | None = None


@dataclass(frozen=True)
class ClassPrecision:
    """AP over IoU 0.50:0.95 of one class as a fraction; None when the truth has none of it (but crowds)."""

    category: Category
    ap: float | None


@dataclass(frozen=True)
class PrecisionResult:
    """COCO's six AP numbers as fractions, and AP per thing class; None where pycocotools says -1 (no truth).

    `ap` averages over IoU 0.50:0.95; `small`, `medium` and `large` are areas up to 32**2, to 96**2 and above. At most
    100 detections of a class count in an image.
    """

    images: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    small: float | None
    medium: float | None
    large: float | None
    classes: tuple[ClassPrecision, ...]


class AveragePrecision:
    """Collects images and scores boxes and, when asked, masks.

    The truth's things are COCO instances: their boxes are tight, their areas are those of the masks, crowds are ignored
    where pycocotools ignores them. Masks are kept as run lengths.

    Args:
        taxonomy: the classes; only things take part.
        masks: whether masks are scored too.
    """

    def __init__(self, taxonomy: Taxonomy, masks: bool = True) -> None:
        self.taxonomy, self.masks = taxonomy, masks
        self._shapes: dict[ImageId, tuple[int, ...]] = {}
        self._truth: dict[ImageId, list[dict[str, Any]]] = {}
        self._boxes: dict[ImageId, list[dict[str, Any]]] = {}
        self._masks: dict[ImageId, list[dict[str, Any]]] = {}

    def update(self, detections: Detections, truth: PanopticMap, image_id: ImageId) -> None:
        """Add one image; its arrays are not kept.

        Raises:
            InputError: when the image was added before, arrays disagree in length, a number is not finite, a box ends
                before it starts, a category is no thing, masks are missing or of another size than the truth.
        """
        if image_id in self._truth:
            raise InputError("truth", f"image {image_id}", "an image that was not added before", "it again")
        self._require(detections, truth, image_id)
        self._truth[image_id] = _instances(truth, self.taxonomy, image_id)
        self._shapes[image_id] = truth.ids.shape
        rows = list(zip(detections.scores.tolist(), detections.category_ids.tolist(), strict=True))
        corners = detections.boxes.astype(np.float64)
        sizes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        self._boxes[image_id] = [
            {"image_id": image_id, "category_id": category, "score": score, "bbox": box}
            for (score, category), box in zip(rows, sizes.tolist(), strict=True)
        ]
        if detections.masks is not None and self.masks:
            self._masks[image_id] = [
                {"image_id": image_id, "category_id": category, "score": score, "segmentation": code}
                for (score, category), code in zip(rows, _encode(detections.masks), strict=True)
            ]

    def merge(self, other: "AveragePrecision") -> None:
        """Add the images of another one, for example of another process.

        Raises:
            InputError: when the classes or the choice of masks differ, or both hold an image.
        """
        if (other.taxonomy, other.masks) != (self.taxonomy, self.masks):
            raise InputError("AveragePrecision.merge", "taxonomy and masks", "the same", "others")
        for image_id in other._truth:
            if image_id in self._truth:
                raise InputError("AveragePrecision.merge", f"image {image_id}", "an image that only one holds", "both")
        self._shapes |= other._shapes
        self._truth |= other._truth
        self._boxes |= other._boxes
        self._masks |= other._masks

    def box(self) -> PrecisionResult:
        """Box AP of the images so far."""
        return self._evaluate(self._boxes, "bbox")

    def mask(self) -> PrecisionResult:
        """Mask AP of the images so far.

        Raises:
            InputError: when built with `masks=False`.
        """
        if not self.masks:
            raise InputError("AveragePrecision", "masks", "True, to score masks", self.masks)
        return self._evaluate(self._masks, "segm")

    def _evaluate(
        self, found: Mapping[ImageId, Sequence[dict[str, Any]]], iou_type: Literal["bbox", "segm"]
    ) -> PrecisionResult:
        shape = (10, 101, self.taxonomy.num_things, len(AREAS))
        precision = np.full(shape, -1.0)
        if self._truth and self.taxonomy.things:
            with contextlib.redirect_stdout(io.StringIO()):
                precision = _precision(self._dataset(), found, self.taxonomy, iou_type)
        every, small, medium, large = (_mean(precision[..., area]) for area in range(len(AREAS)))
        ap50, ap75 = _mean(precision[0, ..., 0]), _mean(precision[5, ..., 0])
        classes = tuple(
            ClassPrecision(category, _mean(precision[:, :, place, 0]))
            for place, category in enumerate(self.taxonomy.things)
        )
        return PrecisionResult(len(self._truth), every, ap50, ap75, small, medium, large, classes)

    def _dataset(self) -> dict[str, Any]:
        """What an `instances` json file of the things would hold."""
        return {
            "images": [{"id": image, "height": h, "width": w} for image, (h, w) in self._shapes.items()],
            "categories": [{"id": category.id, "name": category.name} for category in self.taxonomy.things],
            "annotations": _numbered(self._truth),
        }

    def _require(self, detections: Detections, truth: PanopticMap, image_id: ImageId) -> None:
        where, image = "detections", f"image {image_id}: "
        n = len(detections.scores)
        _require_shape(detections.boxes, (n, 4), f"{image}boxes")
        _require_shape(detections.category_ids, (n,), f"{image}category_ids")
        if self.masks and detections.masks is None:
            raise InputError(where, f"{image}masks", "masks, or AveragePrecision(..., masks=False)", None)
        if detections.masks is not None:
            _require_shape(detections.masks, (n, *truth.ids.shape), f"{image}masks")
        _require_all(np.isfinite(detections.scores), detections.scores, f"{image}scores", "a finite number")
        _require_all(np.isfinite(detections.boxes).all(axis=1), detections.boxes, f"{image}boxes", "finite numbers")
        left, top, right, bottom = detections.boxes.T
        ordered: Bool[np.ndarray, " n"] = (left <= right) & (top <= bottom)
        _require_all(ordered, detections.boxes, f"{image}boxes", "x1 <= x2 and y1 <= y2")
        things = np.isin(detections.category_ids, [category.id for category in self.taxonomy.things])
        _require_all(things, detections.category_ids, f"{image}category_ids", "a thing category of the taxonomy")


def _instances(truth: PanopticMap, taxonomy: Taxonomy, image_id: ImageId) -> list[dict[str, Any]]:
    """COCO annotations of the things of a panoptic map, without their own ids."""
    classes = class_indices(truth.segments, taxonomy, image_id, "truth").tolist()
    things = [s for s, index in zip(truth.segments, classes, strict=True) if index < taxonomy.num_things]
    columns = np.asfortranarray(truth.ids)
    masks = np.zeros((*truth.ids.shape, len(things)), np.uint8, order="F")
    for place, segment in enumerate(things):
        masks[..., place] = columns == segment.id
    codes = rle.encode(masks) if things else []
    return [
        {
            "image_id": image_id,
            "category_id": segment.category_id,
            "iscrowd": int(segment.iscrowd),
            "segmentation": code,
            "area": float(rle.area(code)),
            "bbox": rle.toBbox(code).tolist(),
        }
        for segment, code in zip(things, codes, strict=True)
    ]


def _encode(masks: Bool[np.ndarray, "n h w"]) -> list[dict[str, Any]]:
    if not len(masks):
        return []
    codes: list[dict[str, Any]] = rle.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    return codes


def _precision(
    dataset: dict[str, Any],
    found: Mapping[ImageId, Sequence[dict[str, Any]]],
    taxonomy: Taxonomy,
    iou_type: Literal["bbox", "segm"],
) -> Float[np.ndarray, "iou recall t area"]:
    """COCOeval's precision at 10 IoUs, 101 recalls, t classes and `AREAS`, at most 100 detections; -1 without truth."""
    truth = COCO()
    truth.dataset = dataset
    truth.createIndex()
    listed = _numbered(found)
    # loadRes reads the kind of result from the first one, so it cannot take none.
    evaluation = COCOeval(truth, truth.loadRes(listed) if listed else COCO(), iou_type)
    evaluation.evaluate()
    evaluation.accumulate()
    order = {int(category): place for place, category in enumerate(evaluation.params.catIds)}
    places = [order[category.id] for category in taxonomy.things]
    precision: Float[np.ndarray, "iou recall t area"] = evaluation.eval["precision"][..., -1][:, :, places]
    return precision


def _numbered(annotations: Mapping[ImageId, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Copies with ids from 1 on (COCOeval takes 0 for "no match")."""
    listed = (annotation for image in annotations.values() for annotation in image)
    return [annotation | {"id": place} for place, annotation in enumerate(listed, 1)]


def _mean(precision: Float[np.ndarray, "..."]) -> float | None:
    valid = precision[precision > -1]
    return float(valid.mean()) if valid.size else None


def _require_shape(array: Shaped[np.ndarray, "..."], shape: tuple[int, ...], field: str) -> None:
    if array.shape != shape:
        raise InputError("detections", field, f"the shape {shape}", array.shape)


def _require_all(good: Bool[np.ndarray, " n"], values: Shaped[np.ndarray, "n *v"], field: str, wanted: str) -> None:
    if not good.all():
        worst = int(np.flatnonzero(~good)[0])
        raise InputError("detections", f"{field}[{worst}]", wanted, values[worst].tolist())
