"""Outlines of things in a unit frame (x right, y down, both in -0.5..0.5), as parts painted one over another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

Number = int | float

Points = Float[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Part:
    """A polygon and the paint it takes: `body`, `trim`, `dark` or `light`."""

    points: Points
    paint: str


@dataclass(frozen=True)
class Family:
    """How twins are drawn: width over height, the greatest turn in radians, what both have, and each one's mark."""

    aspect: float
    turn: float
    outline: Callable[[Generator], list[Part]]
    marks: dict[str, Callable[[Generator], list[Part]]]


def _part(paint: str, *points: tuple[Number, Number]) -> Part:
    return Part(np.array(points, np.float64), paint)


def _disc(
    paint: str, x: Number, y: Number, radius_x: Number, radius_y: Number, lobes: int = 0, depth: Number = 0
) -> Part:
    """An ellipse, wavy when it has lobes."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    swell = 1 + depth * np.sin(lobes * angle)
    ring = np.stack([x + radius_x * swell * np.cos(angle), y + radius_y * swell * np.sin(angle)], 1)
    return Part(ring, paint)


def _band(paint: str, path: Sequence[tuple[Number, Number]], thickness: Number) -> Part:
    """A line of the given thickness, sideways."""
    center = np.array(path, np.float64)
    shift = np.array([thickness / 2, 0])
    return Part(np.concatenate([center - shift, (center + shift)[::-1]]), paint)


def _sail(rng: Generator) -> list[Part]:
    tip, bow = rng.uniform(-0.2, 0.2), rng.uniform(0.1, 0.2)
    return [
        _part("trim", (-0.5, 0.27), (0.5, 0.27), (0.5 - bow, 0.5), (-0.5 + bow * 0.8, 0.5)),
        _part("body", (tip, -0.5), (rng.uniform(0.32, 0.46), 0.24), (-rng.uniform(0.3, 0.44), 0.24)),
    ]


def _boat_mark(rng: Generator) -> list[Part]:
    return [
        _band("dark", [(0, -0.46), (0, 0.27)], 0.05),
        _part("light", (-0.45, 0.33), (0.45, 0.33), (0.43, 0.4), (-0.43, 0.4)),
    ]


def _tent_mark(rng: Generator) -> list[Part]:
    return [_part("dark", (0, -0.2), (0.15, 0.26), (-0.15, 0.26))]


def _wheeled(rng: Generator) -> list[Part]:
    roof, hood = rng.uniform(-0.46, -0.32), rng.uniform(-0.04, 0.08)
    back = rng.uniform(-0.5, -0.3)
    body = _part(
        "body",
        (-0.5, 0.3),
        (-0.5, 0.0),
        (back, -0.04),
        (back + 0.12, roof),
        (0.14, roof),
        (0.28, hood),
        (0.5, hood + 0.05),
        (0.5, 0.3),
    )
    return [body, _disc("dark", -0.27, 0.32, 0.13, 0.18), _disc("dark", 0.28, 0.32, 0.13, 0.18)]


def _car_mark(rng: Generator) -> list[Part]:
    return [
        _part("light", (-0.17, -0.26), (-0.03, -0.26), (-0.03, -0.02), (-0.23, -0.02)),
        _part("light", (0.02, -0.26), (0.1, -0.26), (0.2, -0.02), (0.02, -0.02)),
    ]


def _tractor_mark(rng: Generator) -> list[Part]:
    hub = _disc("light", -0.24, 0.24, 0.08, 0.12)
    return [_disc("dark", -0.24, 0.24, 0.2, 0.26), hub, _band("dark", [(0.36, -0.36), (0.36, 0.05)], 0.07)]


def _star(rng: Generator) -> list[Part]:
    arms, inner = int(rng.integers(5, 8)), rng.uniform(0.2, 0.29)
    angle = np.arange(2 * arms) * np.pi / arms
    radius = np.where(np.arange(2 * arms) % 2 == 0, 0.5, inner) * rng.uniform(0.9, 1.0, 2 * arms)
    return [Part(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), "body")]


def _lily_mark(rng: Generator) -> list[Part]:
    return [_disc("light", 0, 0, 0.14, 0.14), _disc("trim", 0, 0, 0.07, 0.07)]


def _starfish_mark(rng: Generator) -> list[Part]:
    spots = rng.uniform(-0.2, 0.2, (5, 2))
    return [_disc("dark", x, y, 0.05, 0.05) for x, y in spots.tolist()]


def _crown(rng: Generator) -> list[Part]:
    lobes, stem = int(rng.integers(5, 9)), rng.uniform(0.09, 0.14)
    crown = _disc("body", 0, -0.16, 0.45, rng.uniform(0.27, 0.33), lobes, rng.uniform(0.05, 0.13))
    return [_band("trim", [(0, -0.1), (rng.uniform(-0.05, 0.05), 0.5)], stem), crown]


def _tree_mark(rng: Generator) -> list[Part]:
    spots = rng.uniform((-0.27, -0.3), (0.27, -0.04), (4, 2))
    return [_disc("dark", x, y, 0.08, 0.06) for x, y in spots.tolist()]


def _parasol_mark(rng: Generator) -> list[Part]:
    return [_part("light", (0, -0.4), (x + 0.1, 0.02), (x - 0.1, 0.02)) for x in (-0.25, 0.02, 0.27)]


def _diamond(rng: Generator) -> list[Part]:
    cross, sway = rng.uniform(-0.2, -0.05), rng.uniform(-0.2, 0.2)
    tail = _band("trim", [(0, 0.2), (sway, 0.3), (-sway, 0.4), (sway * 0.5, 0.5)], 0.07)
    return [tail, _part("body", (0, -0.5), (0.38, cross), (0, 0.28), (-0.38, cross))]


def _kite_mark(rng: Generator) -> list[Part]:
    return [_part("light", (0, -0.5), (0.38, -0.12), (0, -0.12)), _part("light", (0, 0.28), (-0.38, -0.12), (0, -0.12))]


def _sign_mark(rng: Generator) -> list[Part]:
    return [_part("dark", (0, -0.36), (0.25, -0.12), (0, 0.15), (-0.25, -0.12)), _disc("light", 0, -0.11, 0.1, 0.1)]


FAMILIES = {
    "sail": Family(0.95, 0.12, _sail, {"boat": _boat_mark, "tent": _tent_mark}),
    "wheeled": Family(1.45, 0.06, _wheeled, {"car": _car_mark, "tractor": _tractor_mark}),
    "star": Family(1.0, 3.14, _star, {"lily": _lily_mark, "starfish": _starfish_mark}),
    "crown": Family(0.85, 0.08, _crown, {"tree": _tree_mark, "parasol": _parasol_mark}),
    "diamond": Family(0.8, 0.5, _diamond, {"kite": _kite_mark, "sign": _sign_mark}),
}


def outline(rng: Generator, family: str, thing: str | None) -> list[Part]:
    """The parts of one thing, turned, mirrored and stretched a little, within about -0.6..0.6.

    Args:
        rng: decides every proportion.
        family: a key of `FAMILIES`.
        thing: the class whose mark to add; None draws what both twins may be.
    """
    kind = FAMILIES[family]
    parts = kind.outline(rng) + (kind.marks[thing](rng) if thing is not None else [])
    angle, mirror = rng.uniform(-kind.turn, kind.turn), rng.choice([-1.0, 1.0])
    aspect = np.sqrt(kind.aspect * rng.uniform(0.85, 1.18))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    frame = np.diag([mirror * aspect, 1 / aspect]) @ turn
    return [Part(part.points @ frame, part.paint) for part in parts]
