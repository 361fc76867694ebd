"""Allocations: shares >= 0 of k label sets that sum to 1 and keep within bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Float

from cqb_pareto.errors import InputError

Shares = Float[np.ndarray, "r k"]


@dataclass(frozen=True)
class Bounds:
    """The least and the largest share of each label set."""

    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]

    @classmethod
    def of(
        cls,
        kinds: Sequence[str],
        least: Mapping[str, float] | None = None,
        most: Mapping[str, float] | None = None,
    ) -> "Bounds":
        """Bounds by label set; 0 and 1 where none is given.

        Raises:
            InputError: a label set that is not among the kinds, a bound outside 0..1, or bounds that leave no
                allocation.
        """
        least, most = least or {}, most or {}
        for name, bounds in (("minimum", least), ("maximum", most)):
            for kind, share in bounds.items():
                if kind not in kinds:
                    raise InputError("bounds", f"{name} {kind}", f"one of {', '.join(kinds)}", kind)
                if not 0 <= share <= 1:
                    raise InputError("bounds", f"{name} {kind}", "a share from 0 to 1", share)
        for kind in kinds:
            if least.get(kind, 0) > most.get(kind, 1):
                raise InputError("bounds", kind, f"minimum {least[kind]:g} at most the maximum", most[kind])
        low = np.array([float(least.get(kind, 0)) for kind in kinds])
        high = np.array([float(most.get(kind, 1)) for kind in kinds])
        if low.sum() > 1 + 1e-9:
            raise InputError("bounds", "minima", "a sum of at most 1, else no allocation is left", f"{low.sum():g}")
        if high.sum() < 1 - 1e-9:
            raise InputError("bounds", "maxima", "a sum of at least 1, else no allocation is left", f"{high.sum():g}")
        return cls(low, high)

    @property
    def free(self) -> bool:
        """Whether every share may be anything from 0 to 1."""
        return bool((self.low == 0).all() and (self.high == 1).all())

    def allow(self, shares: Shares, slack: float = 1e-9) -> np.ndarray:
        """Mask of the rows within the bounds."""
        return np.asarray(((shares >= self.low - slack) & (shares <= self.high + slack)).all(axis=1))


def check_allocations(shares: Shares, name: str = "allocations") -> Shares:
    """The same rows.

    Raises:
        InputError: naming the worst row, when a share is negative or NaN or a sum is not 1 within 1e-6.
    """
    wrong = np.abs(shares.sum(axis=1) - 1) + np.maximum(-shares, 0).sum(axis=1)
    if len(shares) and not wrong.max() <= 1e-6:
        row = int(np.argmax(np.where(np.isnan(wrong), np.inf, wrong)))
        raise InputError(name, f"row {row}", "shares >= 0 with sum 1", np.round(shares[row], 6).tolist())
    return shares


def project(points: Shares, bounds: Bounds) -> Shares:
    """The nearest allocation (Euclidean) within the bounds, row by row.

    clip(x - t, low, high) sums to 1 for some t; its sum falls with t, piecewise linearly, so t is bisected and the
    last error is spread over the shares that are strictly inside their bounds.
    """
    low, high = (points - bounds.high).min(axis=1) - 1, (points - bounds.low).max(axis=1) + 1
    for _ in range(60):
        middle = (low + high) / 2
        above = np.clip(points - middle[:, None], bounds.low, bounds.high).sum(axis=1) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    shares = np.clip(points - ((low + high) / 2)[:, None], bounds.low, bounds.high)
    inside = (shares > bounds.low) & (shares < bounds.high)
    error = 1 - shares.sum(axis=1, keepdims=True)
    return np.asarray(shares + np.where(inside, error / np.maximum(inside.sum(axis=1, keepdims=True), 1), 0.0))


def within(shares: Shares, bounds: Bounds) -> Shares:
    """The same allocations where there are no bounds, else the nearest ones within them."""
    return shares if bounds.free else project(shares, bounds)


def sample_uniform(k: int, size: int, rng: np.random.Generator) -> Shares:
    """Uniform on the simplex: Dirichlet(1, ..., 1), as normalised exponentials."""
    shares = rng.standard_exponential((size, k))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def sample_sobol(k: int, size: int, seed: int) -> Shares:
    """Low-discrepancy allocations: gaps between the sorted coordinates of a scrambled Sobol point."""
    from scipy.stats import qmc

    if k == 1:
        return np.ones((size, 1))
    points = qmc.Sobol(k - 1, scramble=True, rng=seed).random_base2(max(size - 1, 1).bit_length())[:size]
    points.sort(axis=1)
    return np.diff(points, axis=1, prepend=0.0, append=1.0)


def lattice(k: int, steps: int) -> Shares:
    """Every allocation whose shares are multiples of 1 / steps: comb(steps + k - 1, k - 1) rows, vertices included."""
    rows = np.zeros((1, 1), dtype=np.int64)
    left = np.array([steps])
    for _ in range(k - 1):
        repeat = left + 1
        index = np.repeat(np.arange(len(left)), repeat)
        taken = np.arange(len(index)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
        rows, left = np.column_stack([rows[index], taken]), left[index] - taken
    return np.column_stack([rows[:, 1:], left]) / steps


def lattice_within(k: int, size: int) -> Shares:
    """The finest lattice of at most `size` rows."""
    steps = 1
    while comb(steps + k, k - 1) <= size and steps < size:
        steps += 1
    return lattice(k, steps)
