"""COCO's panoptic format on disk: `annotations/panoptic_{name}.json`, its folder of PNG id maps, and the images."""

import gc
import glob
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from cqb_core.data.columns import Columns, CompactEntries
from cqb_core.data.columns import PanopticEntry as PanopticEntry
from cqb_core.data.columns import SegmentInfo as SegmentInfo
from cqb_core.data.index_cache import Parsed, kept
from cqb_core.data.panoptic_faults import ImageInfo, ItemFault, annotation_faults, brief, id_in, image_faults, value_in
from cqb_core.errors import InputError
from cqb_core.files import read_json
from cqb_core.taxonomy import Taxonomy

Report = Callable[[int | None, InputError], None]
"""Takes the id of the image that a fault is about, None when it is about no image of the split, and the fault."""


@dataclass(frozen=True)
class PanopticSplit:
    """Where the parts of a split lie; built by `find_split` or by hand for other layouts.

    Args:
        name: what to call it, for example `train2017`.
        images_dir: the folder of images.
        maps_dir: the folder of PNG id maps.
        annotation_file: the COCO panoptic json.
    """

    name: str
    images_dir: Path
    maps_dir: Path
    annotation_file: Path

    def image_path(self, entry: "PanopticEntry") -> Path:
        """The file of an entry's image."""
        return self.images_dir / entry.file_name

    def map_path(self, entry: "PanopticEntry") -> Path:
        """The file of an entry's id map."""
        return self.maps_dir / entry.map_file


@dataclass(frozen=True)
class PanopticIndex:
    """The content of a panoptic json: its classes and its images, in the order of the file's `images`."""

    taxonomy: Taxonomy
    entries: Sequence[PanopticEntry]


def find_split(root: str | PathLike[str], name: str) -> PanopticSplit:
    """The split of a COCO folder.

    Args:
        root: the folder that holds `annotations/` and the folders of images.
        name: `train` or `val`, which stand for the one `panoptic_{name}*.json` there is, or a split's exact name.

    Raises:
        InputError: naming the folder or file that is missing, or the several that match, and what was there.
    """
    annotations = _require_folder(Path(root) / "annotations", "the COCO folder of annotations")
    pattern = f"panoptic_{name}*.json" if name in ("train", "val") else f"panoptic_{glob.escape(name)}.json"
    found = sorted(annotations.glob(pattern))
    if len(found) != 1:
        got = ", ".join(path.name for path in found) or _content(annotations)
        raise InputError(annotations, pattern, "exactly one such file; a split can be named in full", got)
    full = found[0].stem.removeprefix("panoptic_")
    maps = _require_folder(annotations / f"panoptic_{full}", f"the folder of PNG maps of {found[0].name}")
    return PanopticSplit(full, _require_folder(Path(root) / full, f"the images of {found[0].name}"), maps, found[0])


def read_split(split: PanopticSplit) -> PanopticIndex:
    """The index of a split, with every field checked. No image or map is opened.

    Raises:
        InputError: at the first fault, naming file, field, what was wanted and what came.
    """

    def stop(_: int | None, fault: InputError) -> None:
        raise fault

    return parse_split(split, stop)


def parse_split(split: PanopticSplit, report: Report) -> PanopticIndex:
    """The index of a split without the entries that `report` was told of; a large json is read once (`index_cache`).

    Raises:
        InputError: when the file is no JSON object with sound categories, `images` and `annotations`.
    """
    categories, columns, faults = kept(split.annotation_file, _parse)
    for image_id, fault in faults:
        report(image_id, fault)
    return PanopticIndex(Taxonomy.from_json(categories, split.annotation_file), CompactEntries(columns))


def split_names(root: str | PathLike[str]) -> list[str]:
    """Names of the splits that a COCO folder has annotations for.

    Raises:
        InputError: when there is none.
    """
    annotations = _require_folder(Path(root) / "annotations", "the COCO folder of annotations")
    names = sorted(path.stem.removeprefix("panoptic_") for path in annotations.glob("panoptic_*.json"))
    if not names:
        raise InputError(annotations, "panoptic_*.json", "at least one such file", _content(annotations))
    return names


def read_taxonomy(split: PanopticSplit) -> Taxonomy:
    """The classes of a split, whatever the state of its images.

    Raises:
        InputError: when the file is no JSON object with sound categories, `images` and `annotations`.
    """
    return parse_split(split, lambda image_id, fault: None).taxonomy


def fingerprint(index: PanopticIndex) -> str:
    """SHA-256 (hex) of the categories and of every image's id, file name and size, whatever their order in the file."""
    content = {
        "categories": sorted((c.id, c.name, c.isthing) for c in index.taxonomy.categories),
        "images": sorted(_images(index.entries)),
    }
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _read_object(path: Path) -> dict[str, Any]:
    raw = read_json(path)
    if not isinstance(raw, dict):
        raise InputError(path, "content", "an object with images, annotations and categories", brief(raw))
    return raw


def _images(entries: Sequence[PanopticEntry]) -> Iterable[tuple[int, str, int, int]]:
    if isinstance(entries, CompactEntries):
        return entries.images()
    return ((entry.image_id, entry.file_name, entry.width, entry.height) for entry in entries)


def _parse(path: Path) -> Parsed:
    """The categories, the sound images and the faults of a panoptic json."""
    with _without_collector():
        raw = _read_object(path)
        taxonomy = Taxonomy.from_json(raw.get("categories"), path)
        faults: list[tuple[int | None, InputError]] = []

        def report(image_id: int | None, fault: InputError) -> None:
            faults.append((image_id, fault))

        images = _parse_images(_list(raw, "images", path), path, report)
        annotations = _parse_annotations(_list(raw, "annotations", path), images, taxonomy, path, report)
        for image in images.values():
            if image is not None and image.id not in annotations:
                got = f"none for image {image.id} ({image.file_name})"
                report(image.id, InputError(path, "annotations", "one annotation for every image", got))
        entries = [entry for i in images if (entry := annotations.get(i)) is not None]
        return raw["categories"], Columns.of(entries), faults


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of objects that form no cycle are not worth looking through again and again while they are made."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _parse_images(raw: list[Any], path: Path, report: Report) -> dict[int, ImageInfo | None]:
    """Images by id; None for an image that has been reported."""
    images: dict[int, ImageInfo | None] = {}
    for index, item in enumerate(raw):
        faults = list(image_faults(item, images))
        _report_all(report, id_in(item, "id"), path, f"images[{index}]", faults)
        if not faults:
            images[item["id"]] = ImageInfo(item["id"], item["file_name"], item["width"], item["height"])
        elif (image_id := id_in(item, "id")) is not None:
            images[image_id] = None
    return images


def _parse_annotations(
    raw: list[Any], images: dict[int, ImageInfo | None], taxonomy: Taxonomy, path: Path, report: Report
) -> dict[int, PanopticEntry | None]:
    """Entries by image id; None for an image that, or whose annotation, has been reported."""
    entries: dict[int, PanopticEntry | None] = {image_id: None for image_id, image in images.items() if image is None}
    for index, item in enumerate(raw):
        image_id = id_in(item, "image_id")
        image = None if image_id is None else images.get(image_id)
        if image_id in images and image is None:
            continue
        faults = list(annotation_faults(item, image, entries, taxonomy.index))
        _report_all(report, None if image is None else image_id, path, f"annotations[{index}]", faults)
        if image is not None:
            segments = () if faults else tuple(map(_segment, item["segments_info"]))
            entries[image.id] = None if faults else PanopticEntry(*image, item["file_name"], segments)
    return entries


def _report_all(report: Report, image_id: int | None, path: Path, item: str, faults: Iterable[ItemFault]) -> None:
    for field, wanted, got in faults:
        report(image_id, InputError(path, item + field, wanted, got))


def _segment(item: dict[str, Any]) -> SegmentInfo:
    x, y, width, height = item["bbox"]
    return SegmentInfo(
        item["id"], item["category_id"], (x, y, x + width, y + height), item["area"], bool(item["iscrowd"])
    )


def _list(raw: dict[str, Any], key: str, path: Path) -> list[Any]:
    if not isinstance(raw.get(key), list):
        raise InputError(path, key, "a list", value_in(raw, key))
    return list(raw[key])


def _require_folder(path: Path, what: str) -> Path:
    if not path.is_dir():
        raise InputError(path, "folder", what, f"no such folder; {path.parent} holds {_content(path.parent)}")
    return path


def _content(folder: Path) -> str:
    if not folder.is_dir():
        return "nothing, since it is missing"
    names = sorted(entry.name for entry in folder.iterdir())
    more = [f"and {len(names) - 10} more"] if len(names) > 10 else []
    return ", ".join(names[:10] + more) or "nothing"
