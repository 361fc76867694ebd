"""The direct solver: evaluate where an interpolant of everything seen says that the front is.

It starts from the cheapest allocation and a coarse lattice within the bounds. Each round interpolates the qualities
seen so far, searches the interpolant (costs are known exactly), and evaluates allocations at even steps along the front
that it predicts, beside those that are there already. With more than two kinds a fifth of the round goes to random
exchanges, in case the interpolant is wrong where nothing was seen. The next round is the larger the more of this one
came to lie on the front.

Even means in sqrt(dcost dPQ): the area that a staircase of n points misses under a curve is then smallest.
"""

from collections.abc import Callable
from math import comb

import numpy as np
from jaxtyping import Float, Int

from cqb_pareto.evaluated import Evaluated, evaluate
from cqb_pareto.objectives import Objectives, cheapest_allocation
from cqb_pareto.simplex import Bounds, Shares, lattice, within

START = 400
SEEN = 300
GENERATIONS = 8
TRIES = 800
DOUBT = 5
SMALLEST_STEP = 1e-3
SMOOTHING = 1e-9

Values = Float[np.ndarray, " r"]
Predict = Callable[[Shares], Values]


def direct(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int = 0) -> Evaluated:
    """At most `evaluations` allocations within the bounds, most of them on the front or next to it."""
    rng = np.random.default_rng(seed)
    start = np.concatenate(
        [cheapest_allocation(objectives, bounds)[None], coarse(bounds, min(evaluations // 6, START))]
    )
    found = evaluate(objectives, start[:evaluations])
    size = smallest = max(evaluations // 16, 1)
    while (left := evaluations - len(found.cost)) > 0:
        path = predicted_front(objectives, bounds, found, rng)
        size = min(size, left)
        tried = along(path, found, size - (size // DOUBT if len(bounds.low) > 2 else 0))
        doubt = exchanged(found.shares[found.front], size - len(tried), rng)
        first = len(found.cost)
        found = found.joined(evaluate(objectives, within(np.concatenate([tried, doubt]), bounds)))
        hits = np.count_nonzero(found.front >= first) / size
        size = max(smallest, min(int((2 * hits - 1) * len(found.cost)), (left - size) // 2))
    return found


def coarse(bounds: Bounds, size: int) -> Shares:
    """The finest lattice over what the minima leave, moved into the bounds, that has at most `size` distinct rows; the
    coarsest one where none is that small.
    """
    k, room = len(bounds.low), 1 - bounds.low.sum()
    steps, rows = 1, _moved_in(bounds, lattice(k, 1) * room)
    while comb(steps + k, k - 1) <= 30 * size and steps < size:
        steps += 1
        finer = _moved_in(bounds, lattice(k, steps) * room)
        if len(finer) > size:
            break
        rows = finer
    return rows


def _moved_in(bounds: Bounds, above_minima: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "m k"]:
    rows = within(bounds.low + above_minima, bounds)
    return np.asarray(rows[np.sort(np.unique(np.round(rows, 9), axis=0, return_index=True)[1])])


def interpolant(found: Evaluated) -> Predict:
    """Cubic radial basis functions through qualities seen, two thirds of them on the front.

    Distances are those of square roots of shares (Hellinger's), in which the steep rise of quality from a share of 0 is
    spread out. Linear ones where the allocations seen do not determine the cubic's linear part.
    """
    from scipy.interpolate import RBFInterpolator

    front = _even(found.front, SEEN * 2 // 3)
    rows = np.union1d(front, _even(np.arange(len(found.cost)), SEEN - len(front)))
    places, first = np.unique(np.round(_roots(found.shares[rows]), 9), axis=0, return_index=True)
    kept = np.ptp(places, axis=0) > 1e-9
    places, quality = places[:, kept], found.quality[rows[first]]
    linear = np.column_stack([np.ones(len(places)), places])
    kernel, degree = ("cubic", 1) if np.linalg.matrix_rank(linear) == linear.shape[1] else ("linear", 0)
    through = RBFInterpolator(places, quality, kernel=kernel, degree=degree, smoothing=SMOOTHING)
    return lambda shares: np.asarray(through(_roots(shares)[:, kept]))


def _roots(shares: Shares) -> Shares:
    return np.asarray(np.sqrt(np.maximum(shares, 0.0)))


def _even(rows: Int[np.ndarray, " n"], size: int) -> Int[np.ndarray, " m"]:
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, max(size, 1)).round().astype(int))])


def predicted_front(objectives: Objectives, bounds: Bounds, found: Evaluated, rng: np.random.Generator) -> Evaluated:
    """The front of the interpolant, by rising cost: generations of exchanges at it, and of midpoints of neighbours."""
    predict = interpolant(found)
    front = found.take(found.front)
    for _ in range(GENERATIONS):
        middles = (front.shares[:-1] + front.shares[1:]) / 2
        middles = middles[_even(np.arange(len(middles)), TRIES // 4)] if len(middles) else middles
        tried = within(np.concatenate([exchanged(front.shares, TRIES - len(middles), rng), middles]), bounds)
        grown = front.joined(Evaluated(tried, objectives.cost(tried), predict(tried)))
        front = grown.take(grown.front)
    return front


def exchanged(front: Float[np.ndarray, "f k"], size: int, rng: np.random.Generator) -> Float[np.ndarray, "n k"]:
    """Random front points with a random amount, of any size, moved from a kind that they have to another.

    Such moves keep the exact zeros of the best allocations, which sampling never hits.
    """
    k = front.shape[1]
    moved = front[rng.integers(len(front), size=size)]
    give = np.argmax(np.where(moved > 0, rng.random(moved.shape), -1.0), axis=1)
    take = (give + 1 + rng.integers(max(k - 1, 1), size=size)) % k
    line = np.arange(size)
    amount = np.minimum(moved[line, give], np.exp(rng.uniform(np.log(SMALLEST_STEP), 0.0, size)))
    moved[line, give] -= amount
    moved[line, take] += amount
    return moved


def along(path: Evaluated, found: Evaluated, size: int) -> Shares:
    """`size` allocations on a predicted front, as evenly as those that are evaluated on it allow.

    None when the path has no length, as when one allocation is both the cheapest and the best.
    """
    area = np.diff(path.cost) * np.diff(path.quality)
    length = np.concatenate([[0.0], np.cumsum(np.sqrt(area))])
    if length[-1] <= 0:
        return np.empty((0, path.shares.shape[1]))
    known = np.interp(found.cost[found.front], path.cost, length)
    marks = np.unique(np.concatenate([[0.0], known, length[-1:]]))
    new = _fill(np.diff(marks), size)
    gap = np.repeat(np.arange(len(new)), new)
    place = np.arange(len(gap)) - np.repeat(np.cumsum(new) - new, new) + 1
    target = marks[gap] + np.diff(marks)[gap] * place / (new[gap] + 1)
    return np.column_stack([np.interp(target, length, column) for column in path.shares.T])


def _fill(gaps: Float[np.ndarray, " g"], size: int) -> Int[np.ndarray, " g"]:
    """How many points to put into each gap, `size` in all, so that the pieces come out as equal as they can."""
    low, high = 0.0, 4 * (size + len(gaps)) / gaps.sum()
    for _ in range(60):
        middle = (low + high) / 2
        fits = np.maximum(np.round(gaps * middle) - 1, 0).sum() <= size
        low, high = (middle, high) if fits else (low, middle)
    new = np.maximum(np.round(gaps * low).astype(int) - 1, 0)
    while (left := size - int(new.sum())) > 0:
        new[np.argsort(-gaps / (new + 1))[:left]] += 1
    return np.asarray(new)
