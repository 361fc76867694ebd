"""The images and segments of a data set as arrays: a twentieth of the memory of as many objects, shared by processes.

A process that is forked from another copies what it touches, and reading a Python object touches its reference count.
Arrays are read without being touched, so the workers of a loader share the index with the training.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, NamedTuple, overload

import numpy as np

Number = int | float

EXACT = 2**53
"""Whole numbers below this are exact as float64."""


class SegmentInfo(NamedTuple):
    """One segment as the json describes it: its id in the PNG, the published category id, its box (xyxy in pixels,
    far edge exclusive), its area in pixels, and whether it outlines a group.
    """

    id: int
    category_id: int
    bbox: tuple[Number, Number, Number, Number]
    area: Number
    iscrowd: bool


@dataclass(frozen=True)
class PanopticEntry:
    """An image and its annotation. `segments` is empty where nothing was labelled."""

    image_id: int
    file_name: str
    width: int
    height: int
    map_file: str
    segments: tuple[SegmentInfo, ...]


@dataclass(frozen=True, eq=False)
class Columns:
    """Arrays of n images and m segments; those of image i are `first[i]` to `first[i + 1]`.

    Numbers that 64 bits do not hold are kept as Python objects (dtype object).

    Args:
        images: `n 3`: id, width, height.
        names: file names of the images, joined as UTF-8.
        name_ends: `n` where each of them ends, in bytes.
        maps: file names of the maps, likewise.
        map_ends: `n`.
        first: `n+1`.
        segments: `m 3`: id, published category id, whether it outlines a group.
        boxes: `m 5`: xyxy in pixels and the area.
        whole: `m 5`: which of those numbers are integers in the file.
    """

    images: np.ndarray
    names: np.ndarray
    name_ends: np.ndarray
    maps: np.ndarray
    map_ends: np.ndarray
    first: np.ndarray
    segments: np.ndarray
    boxes: np.ndarray
    whole: np.ndarray

    @classmethod
    def of(cls, entries: Sequence[PanopticEntry]) -> "Columns":
        """The arrays of some entries."""
        segments = [segment for entry in entries for segment in entry.segments]
        numbers = [(*segment.bbox, segment.area) for segment in segments]
        names, name_ends = _joined([entry.file_name for entry in entries])
        maps, map_ends = _joined([entry.map_file for entry in entries])
        return cls(
            _integers([(entry.image_id, entry.width, entry.height) for entry in entries], 3),
            names,
            name_ends,
            maps,
            map_ends,
            np.cumsum([0, *(len(entry.segments) for entry in entries)]),
            _integers([(segment.id, segment.category_id, segment.iscrowd) for segment in segments], 3),
            _numbers(numbers),
            np.array([[type(value) is int for value in row] for row in numbers], bool).reshape(-1, 5),
        )

    @property
    def plain(self) -> bool:
        """Whether no array holds Python objects."""
        return not any(getattr(self, field.name).dtype.hasobject for field in fields(self))


class CompactEntries(Sequence[PanopticEntry]):
    """Entries that lie in arrays and become objects when they are asked for, one at a time.

    Args:
        columns: the arrays.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns.images)

    @overload
    def __getitem__(self, place: int) -> PanopticEntry: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[PanopticEntry]: ...

    def __getitem__(self, place: int | slice) -> PanopticEntry | Sequence[PanopticEntry]:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        row = range(len(self))[place]
        return self._made(row, *self.columns.images[row].tolist())

    def __iter__(self) -> Iterator[PanopticEntry]:
        for row, image in enumerate(self.columns.images.tolist()):
            yield self._made(row, *image)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(other) != len(self):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(mine == its for mine, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(len(self))

    def __repr__(self) -> str:
        return f"CompactEntries({len(self)} images, {len(self.columns.segments)} segments)"

    def image_ids(self) -> list[int]:
        """The id of every image."""
        ids: list[int] = self.columns.images[:, 0].tolist()
        return ids

    def images(self) -> Iterator[tuple[int, str, int, int]]:
        """Id, file name, width and height of every image."""
        names = _split(self.columns.names, self.columns.name_ends)
        for (image_id, width, height), name in zip(self.columns.images.tolist(), names, strict=True):
            yield image_id, name, width, height

    def files(self, row: int) -> tuple[str, str]:
        """The file names of an image and of its map."""
        columns = self.columns
        return _text(columns.names, columns.name_ends, row), _text(columns.maps, columns.map_ends, row)

    def _made(self, row: int, image_id: int, width: int, height: int) -> PanopticEntry:
        columns = self.columns
        own = slice(columns.first[row], columns.first[row + 1])
        rows = zip(
            columns.segments[own].tolist(), columns.boxes[own].tolist(), columns.whole[own].tolist(), strict=True
        )
        file_name, map_file = self.files(row)
        return PanopticEntry(image_id, file_name, width, height, map_file, tuple(_segment(*each) for each in rows))


def _segment(numbers: list[int], box: list[Number], whole: list[bool]) -> SegmentInfo:
    x0, y0, x1, y1, area = (int(value) if exact else value for value, exact in zip(box, whole, strict=True))
    return SegmentInfo(numbers[0], numbers[1], (x0, y0, x1, y1), area, bool(numbers[2]))


def _integers(rows: Sequence[Sequence[int]], width: int) -> np.ndarray:
    try:
        return np.array(rows, np.int64).reshape(-1, width)
    except OverflowError:
        return np.array([list(row) for row in rows], object).reshape(-1, width)


def _numbers(rows: Sequence[Sequence[Number]]) -> np.ndarray:
    large = any(type(value) is int and abs(value) >= EXACT for row in rows for value in row)
    return np.array(rows, object if large else np.float64).reshape(-1, 5)


def _joined(words: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Words as one array of bytes, and where each of them ends."""
    coded = [word.encode("utf-8", "surrogatepass") for word in words]
    return np.frombuffer(b"".join(coded), np.uint8), np.cumsum([len(word) for word in coded], dtype=np.int64)


def _text(words: np.ndarray, ends: np.ndarray, row: int) -> str:
    start = int(ends[row - 1]) if row else 0
    return words[start : int(ends[row])].tobytes().decode("utf-8", "surrogatepass")


def _split(words: np.ndarray, ends: np.ndarray) -> Iterator[str]:
    content = words.tobytes()
    for start, end in pairwise([0, *ends.tolist()]):
        yield content[start:end].decode("utf-8", "surrogatepass")


def labelled_columns(columns: Columns) -> Mapping[str, Any]:
    """The arrays by name, as a file keeps them."""
    return {field.name: getattr(columns, field.name) for field in fields(columns)}
