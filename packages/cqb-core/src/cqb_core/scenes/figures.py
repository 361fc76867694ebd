"""Which things are in a scene and where: drawn towards the stuff that they belong to, as far as coherence says."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from numpy.random import Generator

from cqb_core.scenes.classes import STUFF, THINGS
from cqb_core.scenes.shapes import Part, outline
from cqb_core.scenes.style import SceneStyle

Spot = tuple[float, float]
"""Column and row of a thing's centre."""

LEAST_VISIBLE = 0.25
"""The share of a thing that must stay visible, or it is left out."""

LEAST_PIXELS = 16
"""The visible pixels that a thing must have, or it is left out."""


@dataclass(frozen=True)
class Figure:
    """One thing, or a flock of them, placed in a scene.

    Args:
        thing: index in `THINGS`.
        outlines: the parts of each member, in pixels; one member unless it is a flock.
        center: its place.
        size: its extent in pixels.
        mask: the pixels that it covers, whatever is in front.
    """

    thing: int
    outlines: tuple[tuple[Part, ...], ...]
    center: Spot
    size: float
    mask: Bool[np.ndarray, "h w"]

    @property
    def iscrowd(self) -> bool:
        """Whether it is a flock."""
        return len(self.outlines) > 1


def place_figures(rng: Generator, style: SceneStyle, layout: UInt8[np.ndarray, "h w"]) -> list[Figure]:
    """The figures of a scene from far to near, without those that the nearer ones hide."""
    figures: list[Figure] = []
    for _ in range(rng.integers(style.things[0], style.things[1] + 1)):
        figures.append(_place(rng, style, layout, figures, members=1))
    if rng.uniform() < style.crowd:
        figures.append(_place(rng, style, layout, figures, members=int(rng.integers(6, 13))))
    return _visible(sorted(figures, key=lambda figure: figure.center[1]))


def coverage(parts: Sequence[Part], height: int, width: int) -> UInt8[np.ndarray, "h w"]:
    """How much of each pixel the parts cover together, in 0..255."""
    alpha = np.zeros((height, width), np.uint8)
    for part in parts:
        cv2.fillPoly(alpha, [np.round(part.points * 256).astype(np.int32)], 255, cv2.LINE_AA, 8)
    return alpha


def _place(
    rng: Generator, style: SceneStyle, layout: UInt8[np.ndarray, "h w"], earlier: Sequence[Figure], members: int
) -> Figure:
    height, width = layout.shape
    size = min(height, width) * rng.uniform(0.17, 0.36) * style.scale
    thing, spot = _choose(rng, style, layout, earlier, size)
    size *= 0.75 + 0.5 * spot[1] / height
    named = None if rng.uniform() < style.ambiguity else THINGS[thing].name
    spots = [spot] if members == 1 else _flock(rng, spot, size, members)
    member_size = size if members == 1 else size * 0.5
    outlines = tuple(
        tuple(
            Part(part.points * member_size + center, part.paint) for part in outline(rng, THINGS[thing].family, named)
        )
        for center in spots
    )
    mask = coverage([part for parts in outlines for part in parts], height, width) >= 128
    return Figure(thing, outlines, spot, size, mask)


def _choose(
    rng: Generator, style: SceneStyle, layout: UInt8[np.ndarray, "h w"], earlier: Sequence[Figure], size: float
) -> tuple[int, Spot]:
    """A class and a place. Without coherence the two are independent; with it the class is at home at the place."""
    coherent = rng.uniform() < style.coherence
    beside = _beside(rng, layout, earlier, size) if earlier and rng.uniform() < style.occlusion else None
    stuff = np.unique(layout) if beside is None else layout[round(beside[1]), round(beside[0]), None]
    residents = [i for i, thing in enumerate(THINGS) if STUFF.index(thing.home) in stuff]
    if coherent and not residents:
        beside, residents = None, [i for i, thing in enumerate(THINGS) if STUFF.index(thing.home) in layout]
    thing = int(rng.choice(residents if coherent and residents else len(THINGS)))
    if beside is not None:
        return thing, beside
    region = STUFF.index(THINGS[thing].home) if coherent and residents else int(rng.choice(np.unique(layout)))
    return thing, _spot_in(rng, layout == region, size)


def _beside(rng: Generator, layout: UInt8[np.ndarray, "h w"], earlier: Sequence[Figure], size: float) -> Spot:
    other = earlier[int(rng.integers(len(earlier)))]
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.5) * (size + other.size) / 2
    height, width = layout.shape
    x = np.clip(other.center[0] + reach * np.cos(angle), 0, width - 1)
    y = np.clip(other.center[1] + reach * np.sin(angle), 0, height - 1)
    return float(x), float(y)


def _spot_in(rng: Generator, region: Bool[np.ndarray, "h w"], size: float) -> Spot:
    """A pixel of the region, away from its border and the image's where the region is wide enough."""
    framed = np.pad(region.astype(np.uint8), 1)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    deep = np.argwhere(depth >= min(0.4 * size, 0.7 * float(depth.max())))
    row, column = deep[rng.integers(len(deep))]
    return float(column), float(row)


def _flock(rng: Generator, spot: Spot, size: float, members: int) -> list[Spot]:
    offsets = rng.normal(0, 1, (members, 2)) * (size * 0.55, size * 0.3)
    return [(spot[0] + dx, spot[1] + dy) for dx, dy in offsets.tolist()]


def _visible(figures: Sequence[Figure]) -> list[Figure]:
    """The figures, given from far to near, that those in front leave enough of."""
    kept: list[Figure] = []
    for figure in reversed(figures):
        seen = figure.mask.copy()
        for nearer in kept:
            seen &= ~nearer.mask
        if seen.sum() >= max(LEAST_PIXELS, LEAST_VISIBLE * figure.mask.sum()):
            kept.append(figure)
    return kept[::-1]
