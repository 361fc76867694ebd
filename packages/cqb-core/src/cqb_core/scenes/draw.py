"""One scene: stuff in layers, things upon it, and the panoptic map of what can be seen."""

import cv2
import numpy as np
from jaxtyping import Float32, Int32, UInt8
from numpy.random import Generator

from cqb_core.scenes import textures
from cqb_core.scenes.classes import COLORS, STUFF, TAXONOMY, THINGS
from cqb_core.scenes.figures import Figure, coverage, place_figures
from cqb_core.scenes.shapes import Part
from cqb_core.scenes.stuff import lay_out, paint
from cqb_core.scenes.style import SceneStyle
from cqb_core.segments import VOID, PanopticMap, Segment

PAINTS = np.array(
    [
        (205, 65, 60),
        (225, 140, 50),
        (225, 195, 80),
        (90, 150, 80),
        (70, 130, 170),
        (120, 90, 160),
        (225, 220, 210),
        (110, 85, 70),
    ]
)
"""Body colours, the same for every class."""

PATTERNS = (textures.plain, textures.plain, textures.stripes, textures.speckle, textures.blades)

LEAST_STUFF = 32
"""Pixels below which the visible rest of a stuff class stays unlabelled."""

UNNAMED = -1
"""The owner of pixels that stay void."""

Canvas = Float32[np.ndarray, "h w 3"]


def draw_scene(style: SceneStyle, rng: Generator) -> tuple[UInt8[np.ndarray, "h w 3"], PanopticMap]:
    """Draw an image and the map of its visible segments. The same generator state gives the same scene."""
    height, width = (int(n) for n in rng.integers(style.size[0], style.size[1] + 1, 2))
    layout = lay_out(rng, height, width)
    figures = place_figures(rng, style, layout)
    canvas = paint(rng, layout)
    owner = layout.astype(np.int32)
    _blur_borders(rng, style, owner)
    if rng.uniform() < style.void:
        _draw_stone(rng, canvas, owner)
    for index, figure in enumerate(figures):
        _draw_figure(rng, canvas, figure)
        owner[figure.mask] = len(STUFF) + index
    return _photograph(rng, canvas, style.noise), _panoptic_map(rng, owner, figures)


def _panoptic_map(rng: Generator, owner: Int32[np.ndarray, "h w"], figures: list[Figure]) -> PanopticMap:
    """From owners (a stuff index, then a figure's place in the list plus the stuff classes) to a panoptic map."""
    ids = np.full(owner.shape, VOID, np.int32)
    segments: list[Segment] = []
    for value, count in zip(*np.unique(owner, return_counts=True), strict=True):
        stuff = value < len(STUFF)
        if value == UNNAMED or (stuff and count < LEAST_STUFF):
            continue
        category = TAXONOMY.stuff[value] if stuff else TAXONOMY.things[figures[value - len(STUFF)].thing]
        segment_id = _id_like(rng, COLORS[category.name], {segment.id for segment in segments})
        crowd = not stuff and figures[value - len(STUFF)].iscrowd
        segments.append(Segment(segment_id, category.id, crowd))
        ids[owner == value] = segment_id
    return PanopticMap(ids, tuple(segments))


def _id_like(rng: Generator, color: tuple[int, int, int], taken: set[int]) -> int:
    """An unused id near the category's colour, as COCO's are, so that the PNG can be looked at."""
    while True:
        red, green, blue = (int(c) for c in np.clip(color + rng.integers(-25, 26, 3), 1, 255))
        segment_id = red + 256 * green + 65536 * blue
        if segment_id not in taken:
            return segment_id


def _blur_borders(rng: Generator, style: SceneStyle, owner: Int32[np.ndarray, "h w"]) -> None:
    """Leave stretches of the borders between stuff unlabelled, as annotators do."""
    height, width = owner.shape
    border = cv2.morphologyEx(owner.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    stretches = textures.smooth_noise(rng, height, width, 12, 12)
    owner[border & (stretches > np.quantile(stretches, 1 - style.void))] = UNNAMED


def _draw_stone(rng: Generator, canvas: Canvas, owner: Int32[np.ndarray, "h w"]) -> None:
    """An object that has no class: drawn, and left void."""
    height, width = owner.shape
    angle = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    radius = min(height, width) * rng.uniform(0.04, 0.09) * rng.uniform(0.7, 1.1, 9)
    center = rng.uniform((0, height * 0.4), (width, height))
    points = np.stack([radius * 1.3 * np.cos(angle), radius * np.sin(angle)], 1) + center
    alpha = coverage([Part(points, "body")], height, width)
    color = rng.uniform(70, 170) + rng.normal(0, 8, 3)
    _lay(canvas, alpha, color + textures.dunes(rng, height, width)[..., None] * 12)
    owner[alpha >= 128] = UNNAMED


def _draw_figure(rng: Generator, canvas: Canvas, figure: Figure) -> None:
    height, width = canvas.shape[:2]
    family = THINGS[figure.thing].family
    if family in ("sail", "wheeled", "crown"):
        _cast_shadow(canvas, figure)
    body, trim = rng.choice(PAINTS, 2, replace=False) + rng.normal(0, 14, (2, 3))
    pattern = PATTERNS[rng.integers(len(PATTERNS))](rng, height, width) * rng.uniform(8, 22)
    light = (np.arange(width) - figure.center[0]) / figure.size * rng.choice([-30, 30])
    paints = {"body": body, "trim": trim, "dark": body * 0.25 + 12, "light": body * 0.3 + 172}
    for parts in figure.outlines:
        for part in parts:
            shade = (pattern if part.paint == "body" else pattern * 0.3) + light
            _lay(canvas, coverage([part], height, width), paints[part.paint] + shade[..., None])


def _cast_shadow(canvas: Canvas, figure: Figure) -> None:
    """Darken the ground below each member."""
    height, width = canvas.shape[:2]
    shadow = np.zeros((height, width), np.float32)
    for parts in figure.outlines:
        points = np.concatenate([part.points for part in parts])
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        center = (round((left + right) / 2 + (right - left) * 0.12), round(bottom))
        axes = (max(1, round((right - left) * 0.5)), max(1, round((bottom - top) * 0.09)))
        cv2.ellipse(shadow, center, axes, 0, 0, 360, 0.4, -1)
    canvas *= 1 - cv2.GaussianBlur(shadow, (0, 0), 1.2)[..., None]


def _lay(canvas: Canvas, alpha: UInt8[np.ndarray, "h w"], color: np.ndarray) -> None:
    """Blend the colour over the canvas where alpha is above 0."""
    share = (alpha / np.float32(255))[..., None]
    canvas += share * (color.astype(np.float32) - canvas)


def _photograph(rng: Generator, canvas: Canvas, noise: int | float) -> UInt8[np.ndarray, "h w 3"]:
    """Uneven light, blur and sensor noise, each growing with `noise`."""
    height, width = canvas.shape[:2]
    light = 1 + noise * (rng.normal(0, 0.1) + 0.08 * textures.smooth_noise(rng, height, width, height / 2, width / 2))
    blurred = cv2.GaussianBlur(canvas, (0, 0), 0.35 + noise * rng.uniform(0, 1.1))
    grain = rng.standard_normal(canvas.shape, dtype=np.float32) * (16 * noise)
    return np.asarray(np.clip(blurred * light[..., None] + grain, 0, 255).round(), np.uint8)
