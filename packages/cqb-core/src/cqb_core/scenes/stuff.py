"""Where stuff lies, in wavy layers from the far end to the near one, and what it looks like."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy.random import Generator

from cqb_core.scenes import textures
from cqb_core.scenes.classes import STUFF
from cqb_core.scenes.textures import smooth_noise

Color = tuple[int, int, int]

LAYERS = (
    ("sky", "water", "sand"),
    ("sky", "hill", "water", "sand"),
    ("sky", "hill", "water", "grass"),
    ("sky", "hill", "grass", "road", "grass"),
    ("sky", "grass", "road", "sand"),
    ("sky", "water", "grass", "road"),
    ("sky", "wall", "road", "grass"),
    ("sky", "wall", "grass", "water"),
    ("hill", "wall", "sand", "water"),
    ("wall", "grass", "road"),
    ("wall", "sand", "road"),
)
"""Scenes from top to bottom."""

PATCHES = {
    "grass": ("water", "sand", "road"),
    "sand": ("water", "grass"),
    "water": ("sand", "grass"),
    "wall": ("hill",),
}
"""What may lie inside a layer: ponds, lawns, islands, ivy."""

ROUGHNESS = {"hill": 0.07, "water": 0.012, "wall": 0.01, "road": 0.02, "sky": 0.03, "sand": 0.04, "grass": 0.035}
"""Height of the waves of a layer's upper border, as a share of the image's height."""


@dataclass(frozen=True)
class Look:
    """Colours that a stuff class may have, its texture and how strongly that shows (in grey levels)."""

    palette: tuple[Color, ...]
    texture: Callable[[Generator, int, int], Float32[np.ndarray, "h w"]]
    contrast: float


LOOKS = {
    "sky": Look(((120, 175, 230), (165, 190, 210), (95, 140, 200), (235, 185, 150)), textures.clouds, 28.0),
    "hill": Look(((85, 115, 80), (100, 120, 130), (125, 125, 85), (75, 100, 105)), textures.canopy, 12.0),
    "water": Look(((90, 145, 200), (85, 145, 150), (145, 175, 200), (60, 105, 140)), textures.ripples, 14.0),
    "sand": Look(((215, 190, 140), (190, 170, 135), (225, 205, 170), (175, 150, 125)), textures.dunes, 10.0),
    "grass": Look(((105, 160, 75), (140, 160, 80), (80, 130, 85), (165, 160, 100)), textures.blades, 16.0),
    "road": Look(((120, 120, 125), (145, 140, 135), (95, 95, 100), (160, 145, 130)), textures.asphalt, 10.0),
    "wall": Look(((185, 115, 95), (170, 160, 150), (200, 180, 145), (140, 115, 110)), textures.bricks, 16.0),
}


def lay_out(rng: Generator, height: int, width: int) -> UInt8[np.ndarray, "h w"]:
    """The index in `STUFF` of every pixel."""
    layers = LAYERS[rng.integers(len(LAYERS))]
    shares = rng.dirichlet(np.full(len(layers), 9.0))
    edges = np.cumsum(shares)[:-1]
    rows = np.arange(height)[:, None]
    layout = np.full((height, width), STUFF.index(layers[0]), np.uint8)
    for name, edge in zip(layers[1:], edges, strict=True):
        layout[rows >= _border(rng, name, edge, height, width)] = STUFF.index(name)
    return _with_patch(rng, layout) if rng.uniform() < 0.45 else layout


def paint(rng: Generator, layout: UInt8[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w 3"]:
    """The layers' colours in grey levels, which may leave 0..255."""
    height, width = layout.shape
    canvas = np.zeros((height, width, 3), np.float32)
    for index, name in enumerate(STUFF):
        where = layout == index
        if where.any():
            canvas[where] = _surface(rng, LOOKS[name], height, width)[where]
            if name == "road":
                _mark_lane(rng, canvas, where)
    return canvas


def _border(rng: Generator, name: str, edge: float, height: int, width: int) -> Float32[np.ndarray, "w"]:
    """Rows of a layer's upper border. Drawn in order, a later border that rises above an earlier one hides it."""
    rough = ROUGHNESS[name] * height
    slow = smooth_noise(rng, 1, width, 1, width / 3)[0] * rough
    fast = smooth_noise(rng, 1, width, 1, 5)[0] * rough * 0.2
    tilt = np.linspace(-1, 1, width) * rng.normal(0, 0.02) * height
    return np.asarray(edge * height + slow + fast + tilt, np.float32)


def _with_patch(rng: Generator, layout: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    hosts = [name for name in PATCHES if (layout == STUFF.index(name)).mean() > 0.15]
    if not hosts:
        return layout
    host = hosts[rng.integers(len(hosts))]
    guests = PATCHES[host]
    inside = layout == STUFF.index(host)
    center = np.argwhere(inside)[rng.integers(inside.sum())]
    height, width = layout.shape
    y, x = np.mgrid[:height, :width]
    spread = rng.uniform(0.5, 0.9) * np.sqrt(inside.mean()) * np.array([height * 0.4, width * 0.6])
    distance = np.hypot((y - center[0]) / spread[0], (x - center[1]) / spread[1])
    blob = distance + 0.2 * smooth_noise(rng, height, width, 10, 14) < 0.9
    return np.where(blob & inside, np.uint8(STUFF.index(guests[rng.integers(len(guests))])), layout)


def _surface(rng: Generator, look: Look, height: int, width: int) -> Float32[np.ndarray, "h w 3"]:
    first, second = rng.choice(np.array(look.palette), 2)
    mix = rng.uniform(0, 0.5)
    color = first * (1 - mix) + second * mix + rng.normal(0, 8, 3) + rng.normal(0, 10)
    fade = np.linspace(-1, 1, height)[:, None, None] * rng.normal(0, 12)
    grain = look.texture(rng, height, width)[..., None] * look.contrast * rng.uniform(0.7, 1.3)
    return np.asarray(color + fade + grain, np.float32)


def _mark_lane(rng: Generator, canvas: Float32[np.ndarray, "h w 3"], road: Bool[np.ndarray, "h w"]) -> None:
    columns = np.flatnonzero(road.sum(axis=0) > 8)
    columns = columns[(columns + rng.integers(0, 16)) % 16 < 9]
    rows = np.arange(road.shape[0])[:, None]
    middle = (road * rows).sum(axis=0) / np.maximum(road.sum(axis=0), 1)
    lane = np.zeros_like(road)
    lane[:, columns] = np.abs(rows - middle[columns]) < 1
    canvas[lane & road] = rng.uniform(195, 245)
