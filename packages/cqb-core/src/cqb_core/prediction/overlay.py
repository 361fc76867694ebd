"""A panoptic map drawn over its photograph."""

import colorsys

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image, ImageDraw, ImageFont

from cqb_core.segments import PanopticMap
from cqb_core.taxonomy import Category, Taxonomy

OPACITY = 0.55
COMFORTABLE = 400
"""Length in pixels up to which the longer side of a small image is enlarged, by whole factors of 4 at most."""

MAX_SCALE = 4


def draw_overlay(
    image: UInt8[np.ndarray, "h w 3"], panoptic: PanopticMap, taxonomy: Taxonomy
) -> UInt8[np.ndarray, "H W 3"]:
    """Colour every segment, outline things in white and stuff in a darker tone, and name what has room for its name.

    Stuff has its class's colour, each thing a shade of it; void stays as photographed. Small images are enlarged.
    """
    scale = int(np.clip(COMFORTABLE // max(image.shape[:2]), 1, MAX_SCALE))
    ids = panoptic.ids.repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = ids.shape
    drawn = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
    drawn = _painted(drawn, PanopticMap(ids, panoptic.segments), taxonomy)
    return _named(drawn.round().clip(0, 255).astype(np.uint8), PanopticMap(ids, panoptic.segments), taxonomy)


def _painted(drawn: np.ndarray, panoptic: PanopticMap, taxonomy: Taxonomy) -> np.ndarray:
    drawn, things = drawn.copy(), {category.id for category in taxonomy.things}
    white = np.zeros(panoptic.ids.shape, dtype=bool)
    for segment, color in zip(panoptic.segments, _colors(panoptic, taxonomy), strict=True):
        inside = panoptic.ids == segment.id
        drawn[inside] = (1 - OPACITY) * drawn[inside] + OPACITY * np.array(color, dtype=np.float32)
        if segment.category_id in things:
            white |= inside
    edges = _edges(panoptic.ids)
    drawn[edges & ~white] *= 0.6
    drawn[edges & white] = 255
    return drawn


def _edges(ids: Int[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels whose neighbour to any side has another id: a line of two pixels, one in each segment."""
    edge = np.zeros(ids.shape, dtype=bool)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _colors(panoptic: PanopticMap, taxonomy: Taxonomy) -> list[tuple[int, int, int]]:
    by_id = {category.id: category for category in taxonomy.categories}
    seen: dict[int, int] = {}
    colors = []
    for segment in panoptic.segments:
        category = by_id[segment.category_id]
        place = seen[category.id] = seen.get(category.id, -1) + 1
        colors.append(_shade(category, place) if category.isthing else category.color)
    return colors


def _shade(category: Category, place: int) -> tuple[int, int, int]:
    """The class's colour for its first instance, lighter and darker turns of it for the next."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in category.color))
    lightness = min(max(lightness + 0.11 * ((place + 1) // 2) * (-1) ** place, 0.2), 0.85)
    red, green, blue = colorsys.hls_to_rgb((hue + 0.013 * place) % 1, lightness, saturation)
    return round(255 * red), round(255 * green), round(255 * blue)


def _named(drawn: UInt8[np.ndarray, "h w 3"], panoptic: PanopticMap, taxonomy: Taxonomy) -> UInt8[np.ndarray, "h w 3"]:
    names = {category.id: category.name for category in taxonomy.categories}
    picture = Image.fromarray(drawn)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=max(11, round(min(drawn.shape[:2]) / 30)))
    for segment in panoptic.segments:
        name = names[segment.category_id]
        left, top, right, bottom = font.getbbox(name, anchor="mm", stroke_width=1)
        at = _room(panoptic.ids == segment.id, round(right - left), round(bottom - top))
        if at is not None:
            pen.text(at, name, "white", font, "mm", stroke_width=1, stroke_fill="black")
    return np.asarray(picture)


def _room(inside: Bool[np.ndarray, "h w"], width: int, height: int) -> tuple[float, float] | None:
    """The middle (x, y) of a place in a segment that holds a box of that size; None when there is none.

    Of the rows in which the box fits, that nearest to the segment's middle; in it, the middle of the widest run.
    """
    rows = np.flatnonzero(inside.any(axis=1))
    if not len(rows) or height > len(inside) or width > inside.shape[1]:
        return None
    # column sums of every window of `height` rows: full where all its pixels are inside
    totals = np.cumsum(np.pad(inside.astype(np.int32), ((1, 0), (0, 0))), axis=0)
    full = totals[height:] - totals[:-height] == height
    middle = int(np.searchsorted(np.cumsum(inside.sum(axis=1)), inside.sum() / 2)) - height // 2
    for top in sorted(np.flatnonzero(full.any(axis=1)).tolist(), key=lambda row: abs(row - middle)):
        edges = np.flatnonzero(np.diff(np.pad(full[top].astype(np.int8), 1)))
        starts, ends = edges[::2], edges[1::2]
        widest = int(np.argmax(ends - starts))
        if ends[widest] - starts[widest] >= width:
            return float(starts[widest] + ends[widest]) / 2, top + height / 2
    return None
