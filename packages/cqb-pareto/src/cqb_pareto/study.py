"""From pilots and prices to a plan: fit, search, choose, round to whole images."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec

from cqb_pareto.counts import count_images
from cqb_pareto.describe import describe
from cqb_pareto.errors import InputError
from cqb_pareto.evaluated import Evaluated
from cqb_pareto.objectives import ClassWeights, Objectives, fit_quality
from cqb_pareto.piloted import Limits
from cqb_pareto.pilots import Pilots
from cqb_pareto.plan import Plan
from cqb_pareto.prices import PriceList
from cqb_pareto.recommend import best_within, cheapest_within
from cqb_pareto.simplex import Bounds
from cqb_pareto.solvers import PAPER_SAMPLES, solve

P = ParamSpec("P")


@dataclass(frozen=True)
class Study:
    """What a plan is made from, kept for reports: the model, the prices, every evaluated allocation, and the plan."""

    pilots: Pilots
    prices: PriceList
    objectives: Objectives
    bounds: Bounds
    found: Evaluated
    plan: Plan


def study(
    pilots: Pilots,
    prices: PriceList,
    *,
    budget: float | None = None,
    target_pq: float | None = None,
    unit: str = "relative",
    images: int = 1000,
    kinds: Sequence[str] | None = None,
    least: Mapping[str, float] | None = None,
    most: Mapping[str, float] | None = None,
    extrapolate: bool = False,
    weights: ClassWeights | None = None,
    family: str | None = None,
    method: str = "direct",
    draws: int = 200,
    seed: int = 0,
) -> Study:
    """The allocation with the best predicted PQ within a budget, or the cheapest that reaches a PQ.

    Args:
        pilots: the runs that responses are fitted to.
        prices: what labels cost, and which are owned.
        budget: how much may be spent; exactly one of `budget` and `target_pq` is given.
        target_pq: in points.
        unit: of the budget: relative (panoptic-label units per image), images (fully labelled ones), hours or money.
        images: how many images there are to label.
        kinds: label sets to consider, the full one first; by default all that are piloted on every branch, and
            `none` (images may stay unlabelled) where full labels were piloted alone; then without those that did worse
            than full labels alone in every comparison.
        least: smallest shares by label set.
        most: largest shares by label set.
        extrapolate: search outside the piloted shares as well; otherwise each label set stays between its smallest and
            its largest piloted share.
        weights: of things and stuff in PQ; COCO's by default.
        family: a response family instead of the automatic choice.
        method: one of `solvers.METHODS`.
        draws: of the bootstrap.
        seed: of the bootstrap and the solver.

    Raises:
        InputError: no or two goals, a kind without a price (naming the pilots' row), missing pilots, bounds that leave
            nothing, a budget that buys nothing inside the piloted shares (with what would), a target out of reach.
    """
    if (budget is None) == (target_pq is None):
        raise InputError(
            "plan", "goal", "a budget or a target PQ, one of them", "both" if budget is not None else "none"
        )
    if images < 1:
        raise InputError("plan", "images", "at least 1", images)
    check_priced(pilots, prices)
    quality = fit_quality(pilots, kinds, weights, draws, seed, family)
    objectives = Objectives.of(quality, prices)
    limits = Limits.of(quality, pilots, least, most, extrapolate)
    limit = None if budget is None else prices.relative_budget(budget, unit, images)
    if limit is not None:
        limits.check_budget(objectives, limit, unit, prices.relative_budget(1.0, unit, images))
    found = solve(objectives, limits.bounds, method, PAPER_SAMPLES, seed)
    if limit is not None:
        chosen = best_within(objectives, limits.bounds, found, limit)
    else:
        chosen = cheapest_within(objectives, limits, found, float(target_pq or 0.0))
    counts = count_images(objectives, chosen.shares[0], images, limits.bounds, limit, target_pq)
    goal: dict[str, str | float] = (
        {"kind": "target", "value": float(target_pq or 0.0), "unit": "PQ"}
        if limit is None
        else {"kind": "budget", "value": float(budget or 0.0), "unit": unit, "relative": limit}
    )
    made = describe(prices, objectives, limits, found, counts, images, goal, seed)
    return Study(pilots, prices, objectives, limits.bounds, found, made)


def _its_plan(make: Callable[P, Study]) -> Callable[P, Plan]:
    """The same arguments, and the plan alone."""

    @functools.wraps(make)
    def plan(*args: P.args, **kwargs: P.kwargs) -> Plan:
        return make(*args, **kwargs).plan

    return plan


plan = _its_plan(study)


def check_priced(pilots: Pilots, prices: PriceList) -> None:
    """Every label set of the table has a price.

    Raises:
        InputError: naming the first row whose label set has none.
    """
    for pilot in pilots.runs:
        for column, kind in (("full", pilot.full), ("rest", pilot.rest)):
            try:
                prices.parts(kind)
            except InputError as error:
                where = f"row {pilot.row}, column {column}"
                raise InputError(pilots.name, where, f"a label set priced in {prices.name}", kind) from error
