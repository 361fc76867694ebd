"""Patterns of light and dark, made of smooth noise: what tells water from sky of the same blue."""

import cv2
import numpy as np
from jaxtyping import Float32
from numpy.random import Generator

Number = int | float

Texture = Float32[np.ndarray, "h w"]
"""Brightness around 0, of about unit spread."""


def smooth_noise(rng: Generator, height: int, width: int, cell_y: Number, cell_x: Number) -> Texture:
    """Cubic interpolation of normal numbers on a grid with cells of `cell_y` by `cell_x` pixels."""
    rows, columns = int(np.ceil(height / cell_y)) + 2, int(np.ceil(width / cell_x)) + 2
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    size = (round(columns * cell_x), round(rows * cell_y))
    full: Texture = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    top, left = (full.shape[0] - height) // 2, (full.shape[1] - width) // 2
    return np.ascontiguousarray(full[top : top + height, left : left + width])


def octaves(rng: Generator, height: int, width: int, *cells: tuple[Number, Number]) -> Texture:
    """Smooth noise of several cell sizes, each half as strong as the one before."""
    total = np.zeros((height, width), np.float32)
    for i, cell in enumerate(cells):
        total += smooth_noise(rng, height, width, *cell) * np.float32(0.5**i)
    return total


def clouds(rng: Generator, height: int, width: int) -> Texture:
    """Soft, bright banks on an even ground."""
    banks = octaves(rng, height, width, (height / 5, width / 3), (height / 10, width / 6), (height / 20, width / 12))
    return np.asarray(np.clip(banks * 1.4 - rng.uniform(0, 1), -0.2, 2), np.float32)


def ripples(rng: Generator, height: int, width: int) -> Texture:
    """Short, wide waves."""
    return octaves(rng, height, width, (2.5, rng.uniform(12, 22)), (1.5, 7))


def dunes(rng: Generator, height: int, width: int) -> Texture:
    """Fine grain on slow undulation."""
    slow = smooth_noise(rng, height, width, height / 6, width / 3) * np.float32(0.7)
    return slow + rng.standard_normal((height, width), dtype=np.float32) * np.float32(0.6)


def blades(rng: Generator, height: int, width: int) -> Texture:
    """Upright streaks in patches."""
    patches = smooth_noise(rng, height, width, height / 8, width / 6) * np.float32(0.7)
    return patches + smooth_noise(rng, height, width, rng.uniform(3.5, 6), 1.2) * np.float32(0.8)


def canopy(rng: Generator, height: int, width: int) -> Texture:
    """Round crowns seen from afar."""
    cell = rng.uniform(6, 10)
    crowns = octaves(rng, height, width, (cell * 0.8, cell), (cell / 3, cell / 3))
    return np.asarray(1 - 2 * np.abs(crowns), np.float32)


def asphalt(rng: Generator, height: int, width: int) -> Texture:
    """Weak grain with long, faint tracks."""
    tracks = smooth_noise(rng, height, width, 4, width) * np.float32(0.35)
    return tracks + rng.standard_normal((height, width), dtype=np.float32) * np.float32(0.35)


def bricks(rng: Generator, height: int, width: int) -> Texture:
    """Courses of stones, each of its own shade, with dark joints."""
    rise, run = int(rng.integers(5, 9)), int(rng.integers(10, 18))
    y, x = np.mgrid[:height, :width] + rng.integers(0, run, 2)[:, None, None]
    course = y // rise
    along = x + (course % 2) * (run // 2)
    shades = rng.standard_normal((course.max() + 1, along.max() // run + 1), dtype=np.float32)
    joint = (y % rise == 0) | (along % run == 0)
    return np.where(joint, np.float32(-1.6), shades[course, along // run] * np.float32(0.7)).astype(np.float32)


def stripes(rng: Generator, height: int, width: int) -> Texture:
    """Hard bands of either sign at any angle."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 9)
    y, x = np.mgrid[:height, :width]
    phase = (x * np.cos(angle) + y * np.sin(angle)) / period + rng.uniform()
    return np.where(phase % 1 < 0.5, 1, -1).astype(np.float32)


def speckle(rng: Generator, height: int, width: int) -> Texture:
    """Scattered blotches of a few pixels."""
    return np.asarray(np.clip(smooth_noise(rng, height, width, 3, 3) * 2, -1, 1), np.float32)


def plain(rng: Generator, height: int, width: int) -> Texture:
    """Nearly even."""
    return smooth_noise(rng, height, width, height / 4, width / 4) * np.float32(0.3)
