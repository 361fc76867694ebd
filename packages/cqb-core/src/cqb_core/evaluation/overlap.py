"""How many pixels the segments of two panoptic maps share, counted over runs of equal pixels.

A pair of maps is constant along most of a row, so only the places where either map changes are sorted and counted: a
few thousand in a photograph instead of a few hundred thousand. Ids may be any number below 2**31; none needs a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer

from cqb_core.errors import InputError
from cqb_core.segments import VOID, PanopticMap, Segment
from cqb_core.taxonomy import Taxonomy

MAX_ID = 2**31 - 1
ImageId = int | str


@dataclass(frozen=True)
class Overlap:
    """The pixels that each pair of segments of one image shares, g true and p predicted segments.

    Args:
        pixels: `g+2 p+1`. Row 0 is the truth's void, row g+1 what the truth's table does not list, the rows between
            them follow the truth's table; column 0 is the prediction's void, the others follow its table.
        truth_classes: index in the taxonomy of each true segment.
        crowd: which true segments outline a group.
        prediction_classes: index in the taxonomy of each predicted segment.
    """

    pixels: Int[np.ndarray, "rows columns"]
    truth_classes: Int[np.ndarray, " g"]
    crowd: Bool[np.ndarray, " g"]
    prediction_classes: Int[np.ndarray, " p"]

    @property
    def truth_areas(self) -> Int[np.ndarray, " g"]:
        """Pixels of each true segment."""
        areas: Int[np.ndarray, " g"] = self.pixels[1:-1].sum(axis=1)
        return areas

    @property
    def prediction_areas(self) -> Int[np.ndarray, " p"]:
        """Pixels of each predicted segment."""
        areas: Int[np.ndarray, " p"] = self.pixels[:, 1:].sum(axis=0)
        return areas


def overlap(
    prediction: PanopticMap,
    truth: PanopticMap,
    taxonomy: Taxonomy,
    image_id: ImageId,
    names: tuple[str, str] = ("prediction", "truth"),
) -> Overlap:
    """Count the shared pixels of two maps of one image.

    The truth may hold ids that its table lacks and list segments that have no pixel (panopticapi allows both); the
    prediction may not.

    Args:
        prediction: `h w`.
        truth: `h w`.
        taxonomy: the classes that the two tables name.
        image_id: for messages.
        names: where prediction and truth come from, for messages: argument or file names.

    Raises:
        InputError: when the sizes differ, an id or category is no such thing, an id is listed twice, or the
            prediction's table and map disagree.
    """
    prediction_classes = class_indices(prediction.segments, taxonomy, image_id, names[0])
    truth_classes = class_indices(truth.segments, taxonomy, image_id, names[1])
    if prediction.ids.shape != truth.ids.shape:
        raise InputError(
            names[0], f"image {image_id}: ids", f"the truth's shape {truth.ids.shape}", prediction.ids.shape
        )
    truth_ids, predicted_ids, counts = count_pairs(
        truth.ids, prediction.ids, (f"{names[1]}: image {image_id}", f"{names[0]}: image {image_id}")
    )
    rows = _places(truth_ids, truth.segments)
    columns = _places(predicted_ids, prediction.segments)
    if (columns < 0).any():
        stray = int(predicted_ids[columns < 0][0])
        raise InputError(names[0], f"image {image_id}: ids", "only ids that its table of segments lists", stray)
    pixels = np.zeros((len(truth.segments) + 2, len(prediction.segments) + 1), np.int64)
    np.add.at(pixels, (rows, columns), counts)
    _require_pixels(pixels, prediction.segments, image_id, names[0])
    crowd = np.array([segment.iscrowd for segment in truth.segments], bool)
    return Overlap(pixels, truth_classes, crowd, prediction_classes)


def count_pairs(
    first: Integer[np.ndarray, "h w"], second: Integer[np.ndarray, "h w"], names: tuple[str, str] = ("first", "second")
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """The distinct pairs of values at the same pixel: values of the first map, of the second, and their pixels.

    Raises:
        InputError: when a value is below 0 or above 2**31 - 1.
    """
    if first.size == 0:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty
    left, right = first.ravel(), second.ravel()
    changes = left[1:] != left[:-1]
    changes |= right[1:] != right[:-1]
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    lengths = np.diff(starts, append=left.size)
    keys = _run_values(left, starts, names[0]) << 32
    keys |= _run_values(right, starts, names[1])
    order = np.argsort(keys)
    keys = keys[order]
    bounds = np.concatenate(([0], np.flatnonzero(keys[1:] != keys[:-1]) + 1))
    distinct = keys[bounds]
    return distinct >> 32, distinct & MAX_ID, np.add.reduceat(lengths[order], bounds)


def class_indices(
    segments: Sequence[Segment], taxonomy: Taxonomy, image_id: ImageId, name: str
) -> Int[np.ndarray, " n"]:
    """The index in the taxonomy of each segment of a table.

    Raises:
        InputError: when a category is unknown, an id is not in 1..2**31-1 or is listed twice.
    """
    index, seen = taxonomy.index, set()
    for place, segment in enumerate(segments):
        field = f"image {image_id}: segments[{place}]"
        if segment.category_id not in index:
            raise InputError(name, f"{field}.category_id", "a category of the taxonomy", segment.category_id)
        if not VOID < segment.id <= MAX_ID:
            raise InputError(name, f"{field}.id", f"an id in 1..{MAX_ID}", segment.id)
        if segment.id in seen:
            raise InputError(name, f"{field}.id", "an id that occurs once", f"{segment.id} again")
        seen.add(segment.id)
    return np.array([index[segment.category_id] for segment in segments], np.int64)


def _run_values(values: Integer[np.ndarray, " n"], starts: Int[np.ndarray, " r"], name: str) -> Int[np.ndarray, " r"]:
    runs: Int[np.ndarray, " r"] = values[starts].astype(np.int64)
    if runs.min() < 0 or runs.max() > MAX_ID:
        wrong = int(runs.min() if runs.min() < 0 else runs.max())
        raise InputError(name, "ids", f"values in 0..{MAX_ID}", wrong)
    return runs


def _places(ids: Int[np.ndarray, " n"], segments: Sequence[Segment]) -> Int[np.ndarray, " n"]:
    """0 for `VOID`, 1 + the place in the table for a listed id, -1 for any other (row g+1 of an overlap)."""
    known = np.array([VOID, *(segment.id for segment in segments)], np.int64)
    order = np.argsort(known)
    slots = np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)
    places = order[slots]
    found: Int[np.ndarray, " n"] = np.where(known[places] == ids, places, -1)
    return found


def _require_pixels(pixels: Int[np.ndarray, "g p"], segments: Sequence[Segment], image_id: ImageId, name: str) -> None:
    areas = pixels.sum(axis=0)[1:]
    if not areas.all():
        place = int(np.flatnonzero(areas == 0)[0])
        raise InputError(
            name, f"image {image_id}: segments[{place}].id", "an id that the map holds", f"{segments[place].id}"
        )
