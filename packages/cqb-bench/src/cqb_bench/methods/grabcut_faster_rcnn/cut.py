"""GrabCut in a box: the pixels whose colours are not those around the box (Rother et al. 2004).

OpenCV's `grabCut` models what is surely background, all outside the box, and what may be foreground, all inside, by
five Gaussians each, cuts the graph of neighbouring pixels, and starts over from the result. The middle of the box is
surely foreground (Papandreou et al. 2015, Sec. 3.2), and a box of which too little remains counts as not cut (Khoreva
et al. 2017, Sec. 3.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

GAUSSIANS = 5
"""Components of either colour model; OpenCV needs as many pixels of either."""

MARGIN = 8
"""Pixels that are looked at around a box, however small it is."""

CUT = "cut"
"""The outcome of a box that was cut; any other is a reason why it stayed filled."""


@dataclass(frozen=True)
class Cut:
    """The mask of one box.

    Args:
        rows: of the image that the box covers.
        columns: likewise.
        bits: the mask of the pixels in the box, row by row, eight to a byte.
        outcome: `cut`, or why the mask is the filled box: `thin` (too few pixels for colour models), `alone` (no
            background around it), `nothing` (too little differs from the surroundings), `crowd` (never cut).
    """

    rows: slice
    columns: slice
    bits: UInt8[np.ndarray, " n"]
    outcome: str

    @classmethod
    def of(cls, rows: slice, columns: slice, inside: Bool[np.ndarray, "h w"]) -> "Cut":
        """What GrabCut found in a box."""
        return cls(rows, columns, np.packbits(inside), CUT)

    @classmethod
    def filled(cls, rows: slice, columns: slice, reason: str) -> "Cut":
        """The box itself."""
        return cls(rows, columns, np.packbits(np.ones(_area(rows, columns), dtype=bool)), reason)

    def paint(self, height: int, width: int) -> Bool[np.ndarray, "h w"]:
        """The mask in an image of that size."""
        mask = np.zeros((height, width), dtype=bool)
        inside = np.unpackbits(self.bits, count=_area(self.rows, self.columns)).astype(bool)
        mask[self.rows, self.columns] = inside.reshape(_length(self.rows), _length(self.columns))
        return mask


@dataclass(frozen=True)
class GrabCut:
    """How to cut. The same image and box give the same mask, always.

    Args:
        iterations: of fitting the colour models and cutting.
        core: share of the box's area, around its centre, that is surely foreground; 0 leaves all of it open.
        context: how far around the box background is looked at, as a share of the box's width and height.
        side: pixels; a box that is longer with its context is cut at a smaller scale.
        least: a cut that keeps a smaller share of the box counts as failed.
        seed: of the k-means that starts the colour models.

    Raises:
        ValueError: naming the argument that is out of range.
    """

    iterations: int = 1
    core: float = 0.4
    context: float = 0.5
    side: int = 256
    least: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"iterations: wanted 1 or more, got {self.iterations}")
        if not 0 <= self.core < 1:
            raise ValueError(f"core: wanted a share of the box's area from 0 to below 1, got {self.core}")
        if self.context < 0:
            raise ValueError(f"context: wanted a share of the box's side, 0 or more, got {self.context}")
        if self.side < 2 * MARGIN:
            raise ValueError(f"side: wanted {2 * MARGIN} pixels or more, got {self.side}")
        if not 0 <= self.least < 1:
            raise ValueError(f"least: wanted a share of the box from 0 to below 1, got {self.least}")

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], box: Sequence[float | int]) -> Cut:
        """The mask of what is in a box.

        Args:
            image: RGB or BGR, which makes no difference.
            box: xyxy in pixels; what lies outside the image is left out.
        """
        rows, columns = pixels_of(box, image.shape[0], image.shape[1])
        around = self._around(rows, image.shape[0]), self._around(columns, image.shape[1])
        known = np.full((_length(around[0]), _length(around[1])), cv2.GC_BGD, dtype=np.uint8)
        place = _within(rows, around[0]), _within(columns, around[1])
        known[place] = cv2.GC_PR_FGD
        known[_core(place[0], self.core), _core(place[1], self.core)] = cv2.GC_FGD
        window, known = self._shrunk(image[around], known)
        unknown = np.count_nonzero(known)
        if unknown < GAUSSIANS:
            return Cut.filled(rows, columns, "thin")
        if known.size - unknown < GAUSSIANS:
            return Cut.filled(rows, columns, "alone")
        inside = self._foreground(window, known, (_length(around[0]), _length(around[1])))[place]
        if inside.mean() < max(self.least, 1 / inside.size):
            return Cut.filled(rows, columns, "nothing")
        return Cut.of(rows, columns, inside)

    def _around(self, box: slice, size: int) -> slice:
        margin = max(MARGIN, round(self.context * _length(box)))
        return slice(max(0, box.start - margin), min(size, box.stop + margin))

    def _shrunk(
        self, window: UInt8[np.ndarray, "h w 3"], known: UInt8[np.ndarray, "h w"]
    ) -> tuple[UInt8[np.ndarray, "i j 3"], UInt8[np.ndarray, "i j"]]:
        """Both at the scale to cut at; both of them new."""
        height, width = known.shape
        scale = self.side / max(height, width, self.side)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if size == (width, height):
            return np.ascontiguousarray(window), known
        return (
            cv2.resize(np.ascontiguousarray(window), size, interpolation=cv2.INTER_AREA),
            cv2.resize(known, size, interpolation=cv2.INTER_NEAREST),
        )

    def _foreground(
        self, window: UInt8[np.ndarray, "i j 3"], known: UInt8[np.ndarray, "i j"], size: tuple[int, int]
    ) -> Bool[np.ndarray, "h w"]:
        """Where GrabCut sees foreground, at the size (height, width) before shrinking."""
        cv2.setRNGSeed(self.seed)
        models = np.zeros((1, 13 * GAUSSIANS)), np.zeros((1, 13 * GAUSSIANS))
        cv2.grabCut(window, known, None, *models, self.iterations, cv2.GC_INIT_WITH_MASK)
        found = ((known == cv2.GC_FGD) | (known == cv2.GC_PR_FGD)).astype(np.float32)
        return np.asarray(cv2.resize(found, size[::-1], interpolation=cv2.INTER_LINEAR) >= 0.5)


def pixels_of(box: Sequence[float | int], height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the pixels whose centres are in a box (xyxy), as far as they are in the image."""
    x0, y0, x1, y1 = (round(float(edge)) for edge in box)
    return _clipped(y0, y1, height), _clipped(x0, x1, width)


def _clipped(first: int, last: int, size: int) -> slice:
    start = min(max(first, 0), size)
    return slice(start, max(start, min(last, size)))


def _core(part: slice, share: float) -> slice:
    """The middle of a side, so that those of both sides hold a share of the area."""
    length = _length(part)
    kept = round(length * share**0.5)
    start = part.start + (length - kept) // 2
    return slice(start, start + kept)


def _within(inner: slice, outer: slice) -> slice:
    return slice(inner.start - outer.start, inner.stop - outer.start)


def _length(part: slice) -> int:
    return int(part.stop - part.start)


def _area(rows: slice, columns: slice) -> int:
    return _length(rows) * _length(columns)
