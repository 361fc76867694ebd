"""Built-in solvers: each spends a number of evaluations and returns every allocation that it evaluated.

`random` is the paper's way (Sec. "MOOP by Pareto-front": 7500 random ratios), `sobol` and `lattice` cover the simplex
evenly, `nsga2` is pymoo's, and `direct` has its own file.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cqb_pareto.direct import direct
from cqb_pareto.errors import InputError
from cqb_pareto.evaluated import Evaluated, evaluate
from cqb_pareto.objectives import Objectives
from cqb_pareto.simplex import Bounds, Shares, lattice_within, sample_sobol, sample_uniform, within

PAPER_SAMPLES = 7500
POPULATION = 100


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
    return evaluate(objectives, within(shares, bounds))


def _sobol(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int) -> Evaluated:
    return evaluate(objectives, within(sample_sobol(len(bounds.low), evaluations, seed), bounds))


def _lattice(objectives: Objectives, bounds: Bounds, evaluations: int, seed: int) -> Evaluated:
    return evaluate(objectives, within(lattice_within(len(bounds.low), evaluations), bounds))


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
    start = within(sample_uniform(len(bounds.low), POPULATION, np.random.default_rng(seed)), bounds)
    algorithm = NSGA2(pop_size=POPULATION, sampling=start, repair=SimplexRepair())
    minimize(problem, algorithm, ("n_eval", evaluations), seed=seed, callback=Record(), verbose=False)
    return evaluate(objectives, problem.allocations(np.concatenate(seen))[:evaluations])


Solver = Callable[[Objectives, Bounds, int, int], Evaluated]
METHODS: dict[str, Solver] = {
    "random": _random,
    "sobol": _sobol,
    "lattice": _lattice,
    "nsga2": _nsga2,
    "direct": direct,
}
