"""COCO panoptic prediction and truth on disk, read one image at a time and scored."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from cqb_core.data.images import read_id_map
from cqb_core.errors import InputError
from cqb_core.evaluation.overlap import ImageId
from cqb_core.evaluation.panoptic_quality import PanopticQuality
from cqb_core.files import read_json
from cqb_core.segments import PanopticMap, Segment
from cqb_core.taxonomy import Taxonomy


@dataclass(frozen=True)
class FilePair:
    """Prediction and truth of one image.

    Args:
        image_id: as in the files.
        prediction: `h w`.
        truth: `h w`.
        truth_areas: the `area` of each true segment by id, where the file states it.
        names: the json files of prediction and truth.
    """

    image_id: ImageId
    prediction: PanopticMap
    truth: PanopticMap
    truth_areas: Mapping[int, int]
    names: tuple[str, str]


class PanopticFiles:
    """The images of a truth file with their predictions, in the order of the truth.

    Iterating reads two PNGs an image and keeps none. `iscrowd` is 0 where a file leaves it out.

    Args:
        truth_json: COCO panoptic annotations.
        prediction_json: the same format; `categories` is not needed.
        truth_folder: PNGs of the truth; by default the json's path without its suffix, as panopticapi has it.
        prediction_folder: PNGs of the prediction; by default likewise.

    Raises:
        InputError: naming file and field, when a file is missing or malformed, an image occurs twice or has no
            prediction. Predictions of images that the truth lacks are counted in one warning.
    """

    def __init__(
        self,
        truth_json: str | PathLike[str],
        prediction_json: str | PathLike[str],
        truth_folder: str | PathLike[str] | None = None,
        prediction_folder: str | PathLike[str] | None = None,
    ) -> None:
        self.truth_json, self.prediction_json = Path(truth_json), Path(prediction_json)
        self.truth_folder = Path(truth_folder) if truth_folder else self.truth_json.with_suffix("")
        self.prediction_folder = Path(prediction_folder) if prediction_folder else self.prediction_json.with_suffix("")
        self._truth_content = _read_object(self.truth_json)
        self._truth = _annotations(self._truth_content, self.truth_json)
        self._prediction = _annotations(_read_object(self.prediction_json), self.prediction_json)
        self._require_same_images()

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The `categories` of the truth."""
        return Taxonomy.from_json(self._truth_content.get("categories"), self.truth_json)

    def __len__(self) -> int:
        return len(self._truth)

    def __iter__(self) -> Iterator[FilePair]:
        names = (str(self.prediction_json), str(self.truth_json))
        for image_id, truth in self._truth.items():
            prediction = self._prediction[image_id]
            yield FilePair(
                image_id,
                _read_map(prediction, image_id, self.prediction_json, self.prediction_folder),
                _read_map(truth, image_id, self.truth_json, self.truth_folder),
                _stated_areas(truth, image_id, self.truth_json),
                names,
            )

    def _require_same_images(self) -> None:
        missing = [image_id for image_id in self._truth if image_id not in self._prediction]
        if missing:
            got = f"none for image {missing[0]}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            raise InputError(
                self.prediction_json, "annotations", f"a prediction for every image of {self.truth_json}", got
            )
        extra = len(self._prediction) - len(self._truth)
        if extra:
            warnings.warn(
                f"{self.prediction_json}: {extra} predictions of images that {self.truth_json} lacks are not scored",
                stacklevel=3,
            )


def evaluate_files(
    truth_json: str | PathLike[str],
    prediction_json: str | PathLike[str],
    truth_folder: str | PathLike[str] | None = None,
    prediction_folder: str | PathLike[str] | None = None,
) -> PanopticQuality:
    """PQ of COCO panoptic files; equals `panopticapi.evaluation.pq_compute` on the same four arguments.

    Raises:
        InputError: as `PanopticFiles` and `PanopticQuality.update`.
    """
    files = PanopticFiles(truth_json, prediction_json, truth_folder, prediction_folder)
    quality = PanopticQuality(files.taxonomy)
    for pair in files:
        quality.update(pair.prediction, pair.truth, pair.image_id, pair.names, pair.truth_areas)
    return quality


def _read_object(path: Path) -> Mapping[str, Any]:
    content = read_json(path)
    if not isinstance(content, Mapping):
        raise InputError(path, "content", "an object with a list of annotations", type(content).__name__)
    return content


def _annotations(content: Mapping[str, Any], path: Path) -> dict[ImageId, Mapping[str, Any]]:
    raw = content.get("annotations")
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise InputError(path, "annotations", "a list", repr(raw)[:60])
    annotations: dict[ImageId, Mapping[str, Any]] = {}
    for place, annotation in enumerate(raw):
        field = f"annotations[{place}]"
        if not isinstance(annotation, Mapping):
            raise InputError(path, field, "an object", repr(annotation)[:60])
        image_id = _required(annotation, "image_id", int | str, path, field)
        _required(annotation, "file_name", str, path, field)
        _required(annotation, "segments_info", list, path, field)
        if image_id in annotations:
            raise InputError(path, f"{field}.image_id", "an image that occurs once", f"{image_id!r} again")
        annotations[image_id] = annotation
    return annotations


def _read_map(annotation: Mapping[str, Any], image_id: ImageId, path: Path, folder: Path) -> PanopticMap:
    segments = []
    for place, raw in enumerate(annotation["segments_info"]):
        field = f"image {image_id}: segments_info[{place}]"
        if not isinstance(raw, Mapping):
            raise InputError(path, field, "an object", repr(raw)[:60])
        segment_id = _required(raw, "id", int, path, field)
        category_id = _required(raw, "category_id", int, path, field)
        segments.append(Segment(segment_id, category_id, raw.get("iscrowd", 0) == 1))
    return PanopticMap(read_id_map(folder / annotation["file_name"], within=folder), tuple(segments))


def _stated_areas(annotation: Mapping[str, Any], image_id: ImageId, path: Path) -> dict[int, int]:
    areas = {}
    for place, raw in enumerate(annotation["segments_info"]):
        if "area" in raw:
            field = f"image {image_id}: segments_info[{place}]"
            areas[raw["id"]] = _required(raw, "area", int, path, field)
    return areas


def _required(raw: Mapping[str, Any], key: str, kind: Any, path: Path, field: str) -> Any:
    value = raw.get(key)
    if not isinstance(value, kind):
        wanted = getattr(kind, "__name__", str(kind))
        raise InputError(path, f"{field}.{key}", wanted, "nothing" if key not in raw else repr(value)[:60])
    return value
