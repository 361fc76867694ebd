"""Every fault of a split on disk, in one pass: what the reader would stop at, image by image.

Of an image that owns only some labels, only the files and segments that these are made of are looked at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike

from rich.table import Table
from rich.text import Text

from cqb_core.data.assigned import owned_labels
from cqb_core.data.images import read_id_map, read_image
from cqb_core.data.panoptic_files import PanopticEntry, PanopticIndex, PanopticSplit, SegmentInfo, parse_split
from cqb_core.data.panoptic_writing import measure_segments
from cqb_core.errors import InputError
from cqb_core.labels import Labels
from cqb_core.taxonomy import Taxonomy

BOX_TOLERANCE = 1
"""Pixels by which a box may differ from its segment: tools disagree on whether the far edge belongs to it."""

CHUNK = 256
"""Images that are queued at a time."""

PIXELS = Labels.MASK | Labels.STUFF
"""The labels that a map is read for."""

Measured = Mapping[int, tuple[tuple[int, int, int, int], int]]
"""The box (xyxy in pixels, far edge exclusive) and the area of every id in a map."""


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


def audit(
    split: PanopticSplit,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    assignment: str | PathLike[str] | None = None,
) -> AuditReport:
    """Read the images of a split, and the maps of those that own pixels, and compare them with the json.

    Images that have a fault in the json are reported and not opened, nor are those that own nothing.

    Args:
        split: the split.
        workers: threads that read images.
        progress: called with images done and images in all.
        assignment: file that says which image owns which labels; None: all own all.

    Raises:
        InputError: when nothing can be read image by image: the json is missing, no JSON, or has unsound categories;
            when the assignment is none, or of another data set.
    """
    faults: list[Fault] = []
    index = parse_split(split, lambda image_id, error: faults.append(_fault(error, image_id)))
    owned = owned_labels(assignment, index, whole=not faults)
    for done, found in enumerate(_check_all(split, index, owned, workers), 1):
        faults.extend(found)
        if progress is not None:
            progress(done, len(index.entries))
    bare = [entry for entry in index.entries if owned[entry.image_id] and not entry.segments]
    notices = [_nothing_labelled(split, entry) for entry in bare]
    bad = {fault.image_id for fault in faults}
    sound = replace(index, entries=tuple(entry for entry in index.entries if entry.image_id not in bad))
    unread = bad - {entry.image_id for entry in index.entries} - {None}
    return AuditReport(sound, tuple(faults), tuple(notices), len(index.entries) + len(unread))


def check_entry(split: PanopticSplit, taxonomy: Taxonomy, entry: PanopticEntry, owned: Labels) -> list[Fault]:
    """The faults of one image: of its file and, where it owns pixels, of its map and of the segments that they are of.

    Args:
        split: where the files are.
        taxonomy: says which segments are things.
        entry: the image.
        owned: its labels.
    """
    if not owned:
        return []
    size, faults = (entry.width, entry.height), []
    try:
        read_image(split.image_path(entry), size, split.images_dir)
    except InputError as error:
        faults.append(_fault(error, entry.image_id))
    if not owned & PIXELS:
        return faults
    try:
        measured = measure_segments(read_id_map(split.map_path(entry), size, split.maps_dir))
    except InputError as error:
        return [*faults, _fault(error, entry.image_id)]
    things = {category.id for category in taxonomy.things}
    drawn = [info for info in entry.segments if (Labels.MASK if info.category_id in things else Labels.STUFF) in owned]
    errors = [*_disagreements(split, entry, drawn, measured)]
    if PIXELS in owned:
        errors = [*_unlisted(split, entry, measured), *errors]
    return faults + [_fault(error, entry.image_id) for error in errors]


def _unlisted(split: PanopticSplit, entry: PanopticEntry, measured: Measured) -> list[InputError]:
    """The ids of a map that the json does not list: where only things or only stuff are owned, they may be the rest."""
    unknown = sorted(measured.keys() - {info.id for info in entry.segments})
    wanted = f"ids that {split.annotation_file.name} lists"
    return [
        InputError(split.map_path(entry), "segment ids", wanted, f"{number} on {measured[number][1]} pixels")
        for number in unknown
    ]


def _disagreements(
    split: PanopticSplit, entry: PanopticEntry, segments: Sequence[SegmentInfo], measured: Measured
) -> Iterator[InputError]:
    for segment in segments:
        where = f"image {entry.image_id} segment {segment.id}"
        if segment.id not in measured:
            got = f"no pixel in {entry.map_file}"
            yield InputError(split.annotation_file, where, "a segment that its map shows", got)
            continue
        box, area = measured[segment.id]
        if not _boxes_agree(segment, box):
            wanted = f"the box of its pixels {_xywh(box)}"
            yield InputError(split.annotation_file, f"{where} bbox", wanted, _xywh(segment.bbox))
        if segment.area != area:
            yield InputError(split.annotation_file, f"{where} area", f"its number of pixels {area}", segment.area)


def _boxes_agree(segment: SegmentInfo, box: tuple[int, int, int, int]) -> bool:
    return all(abs(a - b) <= BOX_TOLERANCE for a, b in zip(segment.bbox, box, strict=True))


def _xywh(box: Sequence[int | float]) -> str:
    return str([box[0], box[1], box[2] - box[0], box[3] - box[1]])


def _check_all(
    split: PanopticSplit, index: PanopticIndex, owned: Mapping[int, Labels], workers: int
) -> Iterator[list[Fault]]:
    """In threads: decoding releases the interpreter, and a caller's script needs no guard against being imported."""
    entries = index.entries
    with ThreadPoolExecutor(workers) as executor:
        for start in range(0, len(entries), CHUNK):
            chunk = entries[start : start + CHUNK]
            labels = [owned[entry.image_id] for entry in chunk]
            yield from executor.map(partial(check_entry, split, index.taxonomy), chunk, labels)


def _fault(error: InputError, image_id: int | None) -> Fault:
    return Fault(error.where, error.field, error.wanted, error.got, image_id)


def _nothing_labelled(split: PanopticSplit, entry: PanopticEntry) -> Fault:
    field = f"image {entry.image_id} segments_info"
    return Fault(str(split.annotation_file), field, "at least one segment", "none", entry.image_id)
