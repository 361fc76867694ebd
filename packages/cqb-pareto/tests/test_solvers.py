import numpy as np
import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.front import hypervolume
from cqb_pareto.objectives import Objectives
from cqb_pareto.prices import named_prices
from cqb_pareto.problem import AllocationProblem, SimplexRepair
from cqb_pareto.simplex import Bounds, check_allocations
from cqb_pareto.solvers import METHODS, solve

KINDS = ("P", "I", "B", "S")


@pytest.fixture(scope="module")
def objectives(paper_quality):
    return Objectives.of(paper_quality, named_prices("paper-text"))


@pytest.mark.parametrize("method", METHODS)
def test_solvers_spend_what_they_are_given_within_bounds(objectives, method):
    bounds = Bounds.of(KINDS, {"P": 0.05}, {"B": 0.4})
    found = solve(objectives, bounds, method, 600, seed=1)
    assert 500 < len(found.cost) <= 600
    check_allocations(found.shares)
    assert bounds.allow(found.shares).all()
    cost, quality = objectives.evaluate(found.shares)
    assert found.cost == pytest.approx(cost)
    assert found.quality == pytest.approx(quality)


@pytest.mark.parametrize("bounds", [{}, {"least": {"P": 0.05, "S": 0.02}, "most": {"B": 0.4}}])
@pytest.mark.parametrize("prices", ["paper-text", "paper-table1"])
def test_no_start_of_direct_is_beaten_by_any_other_solver(paper_quality, prices, bounds):
    objectives = Objectives.of(paper_quality, named_prices(prices))

    def area(method, seed):
        found = solve(objectives, Bounds.of(KINDS, **bounds), method, 600, seed)
        return hypervolume(found.cost, found.quality, 1.0, 0.0)

    others = {method: max(area(method, seed) for seed in range(2)) for method in METHODS if method != "direct"}
    assert min(area("direct", seed) for seed in range(2)) >= max(others.values())


def test_solvers_repeat_themselves(objectives):
    first, second = (solve(objectives, method="direct", evaluations=500, seed=3) for _ in range(2))
    assert (first.shares == second.shares).all()


def test_any_pymoo_algorithm_runs_on_the_problem(objectives):
    from pymoo.algorithms.moo.spea2 import SPEA2
    from pymoo.optimize import minimize

    problem = AllocationProblem(objectives, Bounds.of(KINDS, most={"S": 0.2}))
    with_repair = minimize(problem, SPEA2(pop_size=20, repair=SimplexRepair()), ("n_gen", 3), seed=1)
    assert problem.allowed.allow(with_repair.X).all()
    without = minimize(problem, SPEA2(pop_size=20), ("n_gen", 3), seed=1)
    allocations = problem.allocations(without.X)
    check_allocations(allocations)
    cost, quality = objectives.evaluate(allocations)
    assert pytest.approx(np.column_stack([cost, -quality])) == without.F


def test_an_unknown_solver_is_named(objectives):
    with pytest.raises(
        InputError, match="solver: method: wanted one of random, sobol, lattice, nsga2, direct, got magic"
    ):
        solve(objectives, method="magic")


def test_one_kind_is_solved():
    from cqb_pareto.objectives import fit_quality
    from cqb_pareto.pilots import paper_pilots

    alone = Objectives.of(fit_quality(paper_pilots(), ("P", "none"), draws=2), named_prices("paper-text"))
    found = solve(alone, evaluations=300)
    assert found.cost[found.front][-1] == pytest.approx(1.0)
