"""A panoptic map drawn over its photograph."""

import colorsys

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont

from cqb_core.segments import PanopticMap
from cqb_core.taxonomy import Category, Taxonomy

OPACITY = 0.55
MIN_LABELLED = 0.004
"""Share of the image below which a segment is drawn without its name."""


def draw_overlay(
    image: UInt8[np.ndarray, "h w 3"], panoptic: PanopticMap, taxonomy: Taxonomy
) -> UInt8[np.ndarray, "h w 3"]:
    """Colour every segment, outline it in white and name the large ones; void stays as photographed.

    Stuff has its class's colour, each thing a shade of it.
    """
    colors, drawn = _colors(panoptic, taxonomy), image.astype(np.float32)
    for segment, color in zip(panoptic.segments, colors, strict=True):
        inside = panoptic.ids == segment.id
        drawn[inside] = (1 - OPACITY) * drawn[inside] + OPACITY * np.array(color, dtype=np.float32)
    drawn[_outlines(panoptic.ids)] = 255
    return _named(drawn.round().astype(np.uint8), panoptic, taxonomy)


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


def _outlines(ids: np.ndarray) -> Bool[np.ndarray, "h w"]:
    edge = np.zeros(ids.shape, dtype=bool)
    edge[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    edge[1:] |= ids[1:] != ids[:-1]
    return edge


def _named(drawn: UInt8[np.ndarray, "h w 3"], panoptic: PanopticMap, taxonomy: Taxonomy) -> UInt8[np.ndarray, "h w 3"]:
    names = {category.id: category.name for category in taxonomy.categories}
    picture = Image.fromarray(drawn)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=max(9, round(min(drawn.shape[:2]) / 32)))
    for segment in panoptic.segments:
        inside = panoptic.ids == segment.id
        if inside.mean() >= MIN_LABELLED:
            pen.text(
                _middle(inside), names[segment.category_id], "white", font, "mm", stroke_width=2, stroke_fill="black"
            )
    return np.asarray(picture)


def _middle(inside: Bool[np.ndarray, "h w"]) -> tuple[float, float]:
    """A point well inside a segment (x, y): half way through the longest run of its middle row."""
    rows = np.flatnonzero(inside.any(axis=1))
    heavy = np.searchsorted(np.cumsum(inside[rows].sum(axis=1)), inside.sum() / 2)
    y = int(rows[heavy])
    edges = np.flatnonzero(np.diff(np.pad(inside[y].astype(np.int8), 1)))
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    return float(starts[longest] + ends[longest]) / 2, float(y)
