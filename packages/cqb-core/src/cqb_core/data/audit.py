"""Every fault of a split on disk, in one pass: what the reader would stop at, image by image."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from rich.table import Table
from rich.text import Text

from cqb_core.data.images import read_id_map, read_image
from cqb_core.data.panoptic_files import (
    PanopticEntry,
    PanopticIndex,
    PanopticSplit,
    SegmentInfo,
    measure_segments,
    parse_split,
)
from cqb_core.errors import InputError

BOX_TOLERANCE = 1
"""Pixels by which a box may differ from its segment: tools disagree on whether the far edge belongs to it."""

CHUNK = 256
"""Images that are queued at a time."""


@dataclass(frozen=True)
class Fault:
    """Something wrong, or worth knowing, about a file; `image_id` is None when it is about no image in particular."""

    file: str
    field: str
    wanted: str
    got: str
    image_id: int | None


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Args:
        sound: the images without a fault, ready to train on.
        faults: those of the json in its order, then those of images and maps in the order of `images`.
        notices: what is legal and yet worth knowing: images where nothing is labelled.
        num_images: images looked at, sound or not.
    """

    sound: PanopticIndex
    faults: tuple[Fault, ...]
    notices: tuple[Fault, ...]
    num_images: int

    @property
    def bad_images(self) -> frozenset[int]:
        """Ids of the images with a fault."""
        return frozenset(fault.image_id for fault in self.faults if fault.image_id is not None)

    @property
    def summary(self) -> str:
        """The counts in one sentence."""
        found = f"{len(self.faults)} faults in {len(self.bad_images)} images, {len(self.notices)} notices"
        return f"{self.num_images} images: {len(self.sound.entries)} sound, {found}"

    def table(self, limit: int | None = None) -> Table:
        """The faults and then the notices, at most `limit` rows, for a terminal."""
        rows = [("fault", fault) for fault in self.faults] + [("notice", notice) for notice in self.notices]
        shown = rows if limit is None else rows[:limit]
        left_out = f"{len(rows) - len(shown)} not shown" if len(shown) < len(rows) else None
        table = Table(title=self.summary, caption=left_out)
        for column in ("", "image", "file", "field", "wanted", "got"):
            table.add_column(column, overflow="fold")
        for kind, row in shown:
            image = "" if row.image_id is None else str(row.image_id)
            table.add_row(*map(Text, (kind, image, row.file, row.field, row.wanted, row.got)))
        return table


def audit(split: PanopticSplit, workers: int = 1, progress: Callable[[int, int], None] | None = None) -> AuditReport:
    """Read every image and map of a split and compare them with the json.

    Images that have a fault in the json are reported and not opened.

    Args:
        split: the split.
        workers: threads that read images.
        progress: called with images done and images in all.

    Raises:
        InputError: when nothing can be read image by image: the json is missing, no JSON, or has unsound categories.
    """
    faults: list[Fault] = []
    index = parse_split(split, lambda image_id, error: faults.append(_fault(error, image_id)))
    for done, found in enumerate(_check_all(split, index.entries, workers), 1):
        faults.extend(found)
        if progress is not None:
            progress(done, len(index.entries))
    notices = [_nothing_labelled(split, entry) for entry in index.entries if not entry.segments]
    bad = {fault.image_id for fault in faults}
    sound = replace(index, entries=tuple(entry for entry in index.entries if entry.image_id not in bad))
    unread = bad - {entry.image_id for entry in index.entries} - {None}
    return AuditReport(sound, tuple(faults), tuple(notices), len(index.entries) + len(unread))


def check_entry(split: PanopticSplit, entry: PanopticEntry) -> list[Fault]:
    """The faults of one image: of its file, its map, and of what the json says about the map's segments."""
    size, faults = (entry.width, entry.height), []
    try:
        read_image(split.image_path(entry), size, split.images_dir)
    except InputError as error:
        faults.append(_fault(error, entry.image_id))
    try:
        measured = measure_segments(read_id_map(split.map_path(entry), size, split.maps_dir))
    except InputError as error:
        return [*faults, _fault(error, entry.image_id)]
    return faults + [_fault(error, entry.image_id) for error in _disagreements(split, entry, measured)]


def _disagreements(
    split: PanopticSplit, entry: PanopticEntry, measured: dict[int, tuple[tuple[int, int, int, int], int]]
) -> Iterator[InputError]:
    listed = {segment.id: segment for segment in entry.segments}
    for segment_id in sorted(measured.keys() - listed.keys()):
        got = f"{segment_id} on {measured[segment_id][1]} pixels"
        yield InputError(split.map_path(entry), "segment ids", f"ids that {split.annotation_file.name} lists", got)
    for segment_id, segment in listed.items():
        where = f"image {entry.image_id} segment {segment_id}"
        if segment_id not in measured:
            got = f"no pixel in {entry.map_file}"
            yield InputError(split.annotation_file, where, "a segment that its map shows", got)
            continue
        box, area = measured[segment_id]
        if not _boxes_agree(segment, box):
            wanted = f"the box of its pixels {_xywh(box)}"
            yield InputError(split.annotation_file, f"{where} bbox", wanted, _xywh(segment.bbox))
        if segment.area != area:
            yield InputError(split.annotation_file, f"{where} area", f"its number of pixels {area}", segment.area)


def _boxes_agree(segment: SegmentInfo, box: tuple[int, int, int, int]) -> bool:
    return all(abs(a - b) <= BOX_TOLERANCE for a, b in zip(segment.bbox, box, strict=True))


def _xywh(box: Sequence[int | float]) -> str:
    return str([box[0], box[1], box[2] - box[0], box[3] - box[1]])


def _check_all(split: PanopticSplit, entries: Sequence[PanopticEntry], workers: int) -> Iterator[list[Fault]]:
    """In threads: decoding releases the interpreter, and a caller's script needs no guard against being imported."""
    with ThreadPoolExecutor(workers) as executor:
        for start in range(0, len(entries), CHUNK):
            yield from executor.map(partial(check_entry, split), entries[start : start + CHUNK])


def _fault(error: InputError, image_id: int | None) -> Fault:
    return Fault(error.where, error.field, error.wanted, error.got, image_id)


def _nothing_labelled(split: PanopticSplit, entry: PanopticEntry) -> Fault:
    field = f"image {entry.image_id} segments_info"
    return Fault(str(split.annotation_file), field, "at least one segment", "none", entry.image_id)
