"""Prices from the times that a labelling tool measured on one's own images."""

import math
from os import PathLike

import numpy as np
from jaxtyping import Float

from cqb_pareto.kinds import parse_kind
from cqb_pareto.prices import Price, PriceList, Span
from cqb_pareto.tables import read_rows

Work = Float[np.ndarray, "t 2"]


def read_times(
    path: str | PathLike[str], full: str = "P", year: int = 2026, draws: int = 400, seed: int = 0
) -> PriceList:
    """A price list from a CSV of `task`, `kind`, `seconds`, `objects`, a row for each sitting.

    Rows of one task and kind are one image labelled in several sittings: seconds add up, objects take the largest.
    Seconds are regressed on objects with both coefficients >= 0 (overhead, seconds per object); ranges are the 5th and
    95th percentile of a bootstrap over tasks. When every image has equally many objects the overhead cannot be told
    apart and is part of the time per object.

    Raises:
        InputError: naming file, row and column.
    """
    tasks: dict[str, dict[str, list[float]]] = {}
    for row in read_rows(path, ["task", "kind", "seconds", "objects"]):
        kind = parse_kind(row.text("kind"), str(path), f"row {row.number}, column kind")
        seconds, objects = row.number_in("seconds", 0.0, math.inf), row.number_in("objects", 0.0, math.inf)
        entry = tasks.setdefault(kind, {}).setdefault(row.text("task"), [0.0, 0.0])
        entry[0], entry[1] = entry[0] + seconds, max(entry[1], objects)
    rng = np.random.default_rng(seed)
    source = f"{path}: measured"
    prices = {
        kind: _price(kind, np.array(list(work.values())), source, year, draws, rng) for kind, work in tasks.items()
    }
    return PriceList(str(path), prices, full)


def _price(kind: str, work: Work, source: str, year: int, draws: int, rng: np.random.Generator) -> Price:
    resampled = work[rng.integers(len(work), size=(draws, len(work)))]
    drawn = np.array([_fit(sample) for sample in resampled])
    counts = resampled[:, :, 1].mean(axis=1)
    per_object, overhead = _fit(work)
    source = f"{source} on {len(work)} images"
    return Price(
        kind,
        _span(per_object, drawn[:, 0]),
        _span(float(work[:, 1].mean()), counts),
        _span(overhead, drawn[:, 1]),
        source,
        year,
    )


def _fit(work: Work) -> tuple[float, float]:
    """Seconds per object and overhead per image, both >= 0, by least squares."""
    seconds, objects = work[:, 0], work[:, 1]
    spread = objects - objects.mean()
    if not objects.any():
        return 0.0, float(seconds.mean())
    slope = float(spread @ seconds / (spread @ spread)) if spread.any() else math.inf
    overhead = float(seconds.mean() - slope * objects.mean()) if spread.any() else -math.inf
    if overhead < 0:
        return float(objects @ seconds / (objects @ objects)), 0.0
    return (slope, overhead) if slope > 0 else (0.0, float(seconds.mean()))


def _span(mid: float, drawn: Float[np.ndarray, " d"]) -> Span:
    low, high = np.quantile(drawn, [0.05, 0.95])
    return Span(mid, min(float(low), mid), max(float(high), mid))
