"""The allocation to recommend: the best within a budget, or the cheapest that reaches a quality."""

from collections.abc import Callable

import numpy as np

from cqb_pareto.errors import InputError
from cqb_pareto.evaluated import Evaluated, evaluate
from cqb_pareto.front import best_under, cheapest_reaching
from cqb_pareto.objectives import Objectives, cheapest_allocation
from cqb_pareto.piloted import Limits
from cqb_pareto.simplex import Bounds, project

ROUNDS = 30
TRIES = 200


def best_within(objectives: Objectives, bounds: Bounds, found: Evaluated, budget: float) -> Evaluated:
    """One row: the best PQ at cost <= budget; of equals the cheapest. `Limits.check_budget` tells whether there is any:
    below it, the cheapest allocation.
    """
    cheapest = evaluate(objectives, cheapest_allocation(objectives, bounds)[None])
    limit = max(budget, float(cheapest.cost[0]))

    def pick(rows: Evaluated) -> int | None:
        return best_under(rows.cost, rows.quality, limit)

    return _polish(objectives, bounds, found.joined(cheapest), pick)


def cheapest_within(objectives: Objectives, limits: Limits, found: Evaluated, target: float) -> Evaluated:
    """One row: the lowest cost at PQ >= target; of equals the better.

    Raises:
        InputError: when no allocation that was found reaches it, with the best that was, and what bounds it.
    """

    def pick(rows: Evaluated) -> int | None:
        return cheapest_reaching(rows.cost, rows.quality, target)

    if pick(found) is None:
        best = int(np.argmax(found.quality))
        wanted = f"at most {found.quality[best]:.2f} points, the best predicted (at cost {found.cost[best]:.3f})"
        advice = " ".join(limits.active(found.shares[best], 1e-3)).rstrip(".")
        raise InputError("target", "PQ", wanted, f"{target:g}", advice)
    return _polish(objectives, limits.bounds, found, pick)


def _polish(
    objectives: Objectives, bounds: Bounds, found: Evaluated, pick: Callable[[Evaluated], int | None]
) -> Evaluated:
    """Random exchanges around the pick, over all sizes of steps; a round keeps the best of old and new."""
    rng = np.random.default_rng(0)
    best = _row(found, pick(found))
    k = len(bounds.low)
    for step in np.geomspace(0.3, 1e-5, ROUNDS):
        moves = rng.standard_normal((TRIES, k)) * (rng.random((TRIES, k)) < 2 / k)
        tried = project(best.shares + step * moves, bounds)
        nearby = best.joined(evaluate(objectives, tried))
        best = _row(nearby, pick(nearby))
    return best


def _row(rows: Evaluated, index: int | None) -> Evaluated:
    at = slice(index, None if index is None else index + 1)
    return Evaluated(rows.shares[at], rows.cost[at], rows.quality[at])
