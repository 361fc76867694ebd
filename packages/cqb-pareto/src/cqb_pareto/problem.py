"""The allocation as a pymoo problem (Eq. 2), so that any of pymoo's algorithms runs on it.

Variables are shares; minimised are cost and -PQ. `SimplexRepair` keeps the variables an allocation, and the problem
evaluates the nearest allocation of whatever it is given, so that algorithms without a repair step work as well: read
their results with `allocations`.
"""

from typing import Any

import numpy as np
from pymoo.core.problem import Problem
from pymoo.core.repair import Repair

from cqb_pareto.objectives import Objectives
from cqb_pareto.simplex import Bounds, Shares, project


class AllocationProblem(Problem):
    """Minimise (cost, -PQ) over allocations within bounds."""

    def __init__(self, objectives: Objectives, bounds: Bounds | None = None) -> None:
        self.objectives = objectives
        self.allowed = bounds or Bounds.of(objectives.quality.kinds)
        super().__init__(n_var=len(self.allowed.low), n_obj=2, xl=self.allowed.low, xu=self.allowed.high)

    def allocations(self, X: Shares) -> Shares:
        """The allocations that rows of variables stand for."""
        return project(np.atleast_2d(X), self.allowed)

    def _evaluate(self, X: Shares, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        cost, quality = self.objectives.evaluate(self.allocations(X))
        out["F"] = np.column_stack([cost, -quality])


class SimplexRepair(Repair):
    """Moves a population to the nearest allocations within the problem's bounds."""

    def _do(self, problem: AllocationProblem, X: Shares, **kwargs: Any) -> Shares:
        return problem.allocations(X)
