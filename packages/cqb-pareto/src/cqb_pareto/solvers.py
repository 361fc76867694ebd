"""Built-in solvers: each spends a number of evaluations and returns every allocation that it evaluated.

`random` is the paper's way (Sec. "MOOP by Pareto-front": 7500 random ratios), `sobol` and `lattice` cover the simplex
evenly, `nsga2` is pymoo's, and `direct` refines the front itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cqb_pareto.errors import InputError
from cqb_pareto.front import front_order
from cqb_pareto.objectives import Objectives
from cqb_pareto.simplex import Bounds, Shares, lattice_within, project, sample_sobol, sample_uniform

PAPER_SAMPLES = 7500
POPULATION = 100
ROUND = 250
SMALLEST_STEP = 1e-3


@dataclass(frozen=True)
class Evaluated:
    """Allocations with their cost (panoptic-label units per image) and PQ (points)."""

    shares: Shares
    cost: Float[np.ndarray, " r"]
    quality: Float[np.ndarray, " r"]

    @property
    def front(self) -> Int[np.ndarray, " f"]:
        """Rows on the front, by rising cost."""
        return front_order(self.cost, self.quality)

    def joined(self, other: "Evaluated") -> "Evaluated":
        """Both sets of rows, these first."""
        return Evaluated(
            np.concatenate([self.shares, other.shares]),
            np.concatenate([self.cost, other.cost]),
            np.concatenate([self.quality, other.quality]),
        )


def evaluate(objectives: Objectives, shares: Shares) -> Evaluated:
    """Cost and quality of given allocations."""
    return Evaluated(shares, *objectives.evaluate(shares))


def solve(
    objectives: Objectives,
    bounds: Bounds | None = None,
    method: str = "direct",
    evaluations: int = PAPER_SAMPLES,
    seed: int = 0,
) -> Evaluated:
    """Run one solver by name.

    Raises:
        InputError: for a name that is none of `METHODS`.
    """
    if method not in METHODS:
        raise InputError("solver", "method", f"one of {', '.join(METHODS)}", method)
    return METHODS[method](objectives, bounds or Bounds.of(objectives.quality.kinds), evaluations, seed)


def _random(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int) -> Evaluated:
    shares = sample_uniform(len(bounds.low), evaluations, np.random.default_rng(seed))
    return evaluate(objectives, _within(shares, bounds))


def _sobol(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int) -> Evaluated:
    return evaluate(objectives, _within(sample_sobol(len(bounds.low), evaluations, seed), bounds))


def _lattice(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int) -> Evaluated:
    return evaluate(objectives, _within(lattice_within(len(bounds.low), evaluations), bounds))


def _within(shares: Shares, bounds: Bounds) -> Shares:
    return shares if bounds.free else project(shares, bounds)


def _nsga2(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int) -> Evaluated:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.callback import Callback
    from pymoo.optimize import minimize

    from cqb_pareto.problem import AllocationProblem, SimplexRepair

    seen: list[Shares] = []

    class Record(Callback):
        def notify(self, algorithm: Any) -> None:
            seen.append(np.array(algorithm.off.get("X") if algorithm.off is not None else algorithm.pop.get("X")))

    problem = AllocationProblem(objectives, bounds)
    start = _within(sample_uniform(len(bounds.low), POPULATION, np.random.default_rng(seed)), bounds)
    algorithm = NSGA2(pop_size=POPULATION, sampling=start, repair=SimplexRepair())
    minimize(problem, algorithm, ("n_eval", evaluations), seed=seed, callback=Record(), verbose=False)
    return evaluate(objectives, problem.allocations(np.concatenate(seen))[:evaluations])


def _direct(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int) -> Evaluated:
    """Start from a coarse lattice; then rounds that exchange shares between two kinds at front points, by amounts of
    all sizes, and put new points between neighbours on the front, where its gaps are widest.

    Both moves keep the exact zeros of the best allocations, which sampling never hits. Exchanges get the larger part
    of a round as long as they put more points on the front.
    """
    k = len(bounds.low)
    found = evaluate(objectives, _within(lattice_within(k, min(evaluations // 8, 500)), bounds))
    rng = np.random.default_rng(seed)
    part = 0.5
    while (left := evaluations - len(found.cost)) > 0:
        size = min(left, ROUND)
        moved = _exchanged(found.shares[found.front], max(int(part * size), 1), rng)
        between = _between(found, found.front, size - len(moved))
        tried = _within(np.concatenate([moved, between]), bounds)
        first = len(found.cost)
        found = found.joined(evaluate(objectives, tried))
        gained = np.count_nonzero((found.front >= first) & (found.front < first + len(moved)))
        part = min(max(0.5 * part + gained / len(moved), 0.2), 0.8) if k > 1 else part
    return found


def _exchanged(front: Float[np.ndarray, "f k"], size: int, rng: np.random.Generator) -> Shares:
    """Random front points with a random amount moved from a kind that they have to another."""
    k = front.shape[1]
    moved = front[rng.integers(len(front), size=size)]
    give = np.argmax(np.where(moved > 0, rng.random(moved.shape), -1.0), axis=1)
    take = (give + 1 + rng.integers(max(k - 1, 1), size=size)) % k
    line = np.arange(size)
    amount = np.minimum(moved[line, give], np.exp(rng.uniform(np.log(SMALLEST_STEP), 0.0, size)))
    moved[line, give] -= amount
    moved[line, take] += amount
    return moved


def _between(found: Evaluated, front: Int[np.ndarray, " f"], size: int) -> Shares:
    """Points in the widest gaps of the front, at even steps between the two allocations beside each gap."""
    if len(front) < 2:
        return np.empty((0, found.shares.shape[1]))
    gaps = np.diff(found.cost[front]) * np.diff(found.quality[front])
    widest = np.sqrt(np.maximum(gaps, 0))
    pieces = np.floor(widest / max(widest.sum(), 1e-300) * size).astype(int)
    pieces[np.argsort(-widest)[: max(size - int(pieces.sum()), 0)]] += 1
    index = np.repeat(np.arange(len(gaps)), pieces)
    place = np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    weight = ((place + 1) / (pieces[index] + 1))[:, None]
    return np.asarray(found.shares[front[index]] * (1 - weight) + found.shares[front[index + 1]] * weight)


Solver = Callable[[Objectives, Bounds, int, int], Evaluated]
METHODS: dict[str, Solver] = {
    "random": _random,
    "sobol": _sobol,
    "lattice": _lattice,
    "nsga2": _nsga2,
    "direct": _direct,
}
