"""Mean IoU of semantic maps, from a confusion matrix that grows image by image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer

from cqb_core.errors import InputError
from cqb_core.evaluation.overlap import ImageId, count_pairs, overlap
from cqb_core.segments import PanopticMap
from cqb_core.taxonomy import IGNORE, Category, Taxonomy


@dataclass(frozen=True)
class ClassIou:
    """IoU of one class as a fraction; None when the truth never shows it."""

    category: Category
    iou: float | None


@dataclass(frozen=True)
class MeanIouResult:
    """IoU of each class in taxonomy order, and the mean over those that the truth shows (None when it shows none)."""

    images: int
    mean: float | None
    classes: tuple[ClassIou, ...]


class MeanIou:
    """Collects images and scores them.

    A pixel counts when the truth gives it a class: void, `IGNORE` and crowd regions of the truth do not count. A
    prediction that is void (or `IGNORE`) on a pixel that counts is wrong.

    Args:
        taxonomy: the t+s = k classes.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        classes = len(taxonomy.categories)
        self._confusion = np.zeros((classes, classes + 1), np.int64)
        self._images: set[ImageId] = set()

    @property
    def confusion(self) -> Int[np.ndarray, "k k+1"]:
        """Pixels by true class (row) and predicted class (column); the last column is void."""
        return self._confusion.copy()

    def update(
        self,
        prediction: PanopticMap,
        truth: PanopticMap,
        image_id: ImageId,
        names: tuple[str, str] = ("prediction", "truth"),
    ) -> None:
        """Score an image of panoptic maps, `h w` each.

        Raises:
            InputError: on the faults that `overlap` names, or when the image was scored before.
        """
        shared = overlap(prediction, truth, self.taxonomy, image_id, names)
        self._require_new(image_id, names[1])
        rows = shared.truth_classes[~shared.crowd]
        columns = np.append(self._void, shared.prediction_classes)
        np.add.at(self._confusion, (rows[:, None], columns), shared.pixels[1:-1][~shared.crowd])

    def update_semantic(
        self, prediction: Integer[np.ndarray, "_ _"], truth: Integer[np.ndarray, "_ _"], image_id: ImageId
    ) -> None:
        """Score an image of class indices in 0..k-1 or `IGNORE`, `h w` each.

        Raises:
            InputError: on any other value, when the shapes differ, or when the image was scored before.
        """
        if prediction.shape != truth.shape:
            raise InputError("prediction", f"image {image_id}", f"the truth's shape {truth.shape}", prediction.shape)
        names = (f"truth: image {image_id}", f"prediction: image {image_id}")
        true, predicted, pixels = count_pairs(truth, prediction, names)
        for values, name in ((true, names[0]), (predicted, names[1])):
            strange = values[(values >= self._void) & (values != IGNORE)]
            if len(strange):
                raise InputError(name, "classes", f"0..{self._void - 1} or {IGNORE}", int(strange[0]))
        self._require_new(image_id, "truth")
        known = true != IGNORE
        columns = np.where(predicted == IGNORE, self._void, predicted)[known]
        np.add.at(self._confusion, (true[known], columns), pixels[known])

    def merge(self, other: "MeanIou") -> None:
        """Add the images of another one, for example of another process.

        Raises:
            InputError: when the classes differ or both have scored an image.
        """
        if other.taxonomy != self.taxonomy:
            raise InputError("MeanIou.merge", "taxonomy", "the same classes", "others")
        for image_id in other._images:
            self._require_new(image_id, "MeanIou.merge")
        self._confusion += other._confusion

    def result(self) -> MeanIouResult:
        """The scores of the images so far."""
        ious = class_iou(self._confusion)
        shown = ious[~np.isnan(ious)]
        classes = tuple(
            ClassIou(category, None if np.isnan(iou) else float(iou))
            for category, iou in zip(self.taxonomy.categories, ious, strict=True)
        )
        return MeanIouResult(len(self._images), float(shown.mean()) if len(shown) else None, classes)

    @property
    def _void(self) -> int:
        return len(self.taxonomy.categories)

    def _require_new(self, image_id: ImageId, name: str) -> None:
        if image_id in self._images:
            raise InputError(name, f"image {image_id}", "an image that was not scored before", "it again")
        self._images.add(image_id)


def class_iou(confusion: Int[np.ndarray, "k k+1"]) -> Float[np.ndarray, " k"]:
    """Intersection over union of each class; NaN for a class that the truth never shows.

    Args:
        confusion: pixels by true class (row) and predicted class (column), the last column void.
    """
    hits = np.diagonal(confusion).astype(np.float64)
    true = confusion.sum(axis=1)
    union = true + confusion[:, :-1].sum(axis=0) - hits
    ious = np.full(len(hits), np.nan)
    np.divide(hits, union, out=ious, where=true > 0)
    return ious
