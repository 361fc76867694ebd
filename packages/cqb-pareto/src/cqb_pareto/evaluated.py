"""Allocations with what they cost and give: what solvers return and plans choose from."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cqb_pareto.front import front_order
from cqb_pareto.objectives import Objectives
from cqb_pareto.simplex import Shares


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

    def take(self, rows: Int[np.ndarray, " n"]) -> "Evaluated":
        """Some of the rows."""
        return Evaluated(self.shares[rows], self.cost[rows], self.quality[rows])


def evaluate(objectives: Objectives, shares: Shares) -> Evaluated:
    """Cost and quality of given allocations."""
    return Evaluated(shares, *objectives.evaluate(shares))
