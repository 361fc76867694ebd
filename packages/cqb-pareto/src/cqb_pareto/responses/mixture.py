"""Draws of several families in one band: which form is right is itself uncertain.

Pilots mix two label sets each, so families that agree on all of them may differ by points where three are mixed, and
no noise of the runs shows that. Each family gets draws by its weight in the combination that best predicts allocations
left out (stacking: Wolpert, Neural Networks 5, 1992; Breiman, Machine Learning 24, 1996; weights >= 0 that sum to 1).
Where none fits alone, families that err to either side share the draws, and the band is as wide as they are apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cqb_pareto.responses.choose import Errors
from cqb_pareto.responses.family import Response

LEAST = 0.02
SUM_TO_ONE = 1e3


@dataclass(frozen=True)
class Mixture:
    """The responses of several families, one after the other, in a given order."""

    parts: tuple[Response, ...]
    order: Int[np.ndarray, " d"]

    def predict(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "d r"]:
        """PQ in points."""
        return np.asarray(np.concatenate([part.predict(shares) for part in self.parts])[self.order])


def stacked(tried: Sequence[Errors]) -> Float[np.ndarray, " f"]:
    """The weight of each family, >= 0, in the sum to 1 that misses the runs left out by the least squares.

    Families without an error on these runs get none; without any error all goes to the first.
    """
    from scipy.optimize import nnls

    weight = np.zeros(len(tried))
    usable = [i for i, errors in enumerate(tried) if len(errors.left_out) and np.isfinite(errors.left_out).all()]
    if not usable:
        weight[0] = 1.0
        return weight
    missed = np.column_stack([tried[i].left_out for i in usable])
    heavy = SUM_TO_ONE * max(float(np.abs(missed).max()), 1.0)
    found, _ = nnls(np.vstack([missed, np.full(len(usable), heavy)]), np.append(np.zeros(len(missed)), heavy))
    weight[usable] = found / found.sum()
    return weight


def dealt(weights: Float[np.ndarray, " f"], draws: int) -> list[int]:
    """How many of the draws each family gets: in proportion to its weight, and none for less than a fiftieth."""
    kept = np.where(weights < LEAST * weights.sum(), 0.0, weights)
    exact = draws * kept / kept.sum()
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: draws - counts.sum()]] += 1
    return [int(count) for count in counts]
