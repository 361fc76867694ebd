"""The plan: from pilots and prices to whole numbers of images per label set, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.confidence import LEVEL, Band, Probabilities, draw_costs, probabilities
from cqb_pareto.counts import bought_images, count_images, owned_images
from cqb_pareto.errors import InputError
from cqb_pareto.front import front_order
from cqb_pareto.kinds import NONE
from cqb_pareto.objectives import ClassWeights, Objectives, QualityModel, fit_quality, plannable
from cqb_pareto.pilots import Pilots
from cqb_pareto.prices import PriceList
from cqb_pareto.recommend import best_within, cheapest_within
from cqb_pareto.simplex import Bounds
from cqb_pareto.solvers import PAPER_SAMPLES, Evaluated, solve

CANDIDATES = 1500
RUNNERS_UP = 3
APART = 0.1
FRONT_POINTS = 60


@dataclass(frozen=True)
class Option:
    """One allocation: shares by label set, relative cost per image, and PQ in points with its band."""

    allocation: dict[str, float]
    cost: float
    pq: Band


@dataclass(frozen=True)
class Cost:
    """Cost in panoptic-label units per image, in hours, and in money (None without a wage)."""

    relative: Band
    hours: Band
    money: Band | None
    currency: str


@dataclass(frozen=True)
class Fronts:
    """Fronts at the 10th percentile, the centre and the 90th percentile of PQ: rows of (relative cost, PQ)."""

    conservative: list[list[float]]
    central: list[list[float]]
    optimistic: list[list[float]]


@dataclass(frozen=True)
class Plan:
    """The labels worth buying.

    Attributes:
        goal: `budget` or `target`, its value, and the unit of the value.
        images: how many images there are.
        counts: images per label set; sums to `images`.
        bought: of these, the images whose labels are not there yet.
        allocation: counts / images.
        pq: expected PQ in points; the band is that of one training run.
        runners_up: other allocations of the same goal that differ by at least a tenth of the images.
        families: the response family of each branch with its two errors.
        notes: what a reader has to know before believing the numbers.
    """

    goal: dict[str, str | float]
    images: int
    counts: dict[str, int]
    bought: dict[str, int]
    allocation: dict[str, float]
    pq: Band
    cost: Cost
    probabilities: Probabilities
    runners_up: list[Option]
    fronts: Fronts
    families: dict[str, dict[str, str | float]]
    prices: dict[str, str | float]
    notes: list[str]


@dataclass(frozen=True)
class Study:
    """What a plan is made from, kept for reports: the model, the prices, every evaluated allocation, and the plan."""

    pilots: Pilots
    prices: PriceList
    objectives: Objectives
    bounds: Bounds
    found: Evaluated
    plan: Plan


def plan(
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
    weights: ClassWeights | None = None,
    family: str | None = None,
    method: str = "direct",
    draws: int = 200,
    seed: int = 0,
) -> Plan:
    """The allocation with the best predicted PQ within a budget, or the cheapest that reaches a PQ.

    Args:
        pilots: the runs that responses are fitted to.
        prices: what labels cost, and which are owned.
        budget: how much may be spent; exactly one of `budget` and `target_pq` is given.
        target_pq: in points.
        unit: of the budget: relative (panoptic-label units per image), images (fully labelled ones), hours or money.
        images: how many images there are to label.
        kinds: label sets to consider, the full one first; by default all that are piloted on every branch. Add `none`
            to allow unlabelled images.
        least: smallest shares by label set.
        most: largest shares by label set.
        weights: of things and stuff in PQ; COCO's by default.
        family: a response family instead of the automatic choice.
        method: one of `solvers.METHODS`.
        draws: of the bootstrap.
        seed: of the bootstrap and the solver.

    Raises:
        InputError: no or two goals, a kind without a price (naming the pilots' row), missing pilots, bounds that leave
            nothing, a budget that buys nothing, a target out of reach.
    """
    return study(
        pilots,
        prices,
        budget=budget,
        target_pq=target_pq,
        unit=unit,
        images=images,
        kinds=kinds,
        least=least,
        most=most,
        weights=weights,
        family=family,
        method=method,
        draws=draws,
        seed=seed,
    ).plan


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
    weights: ClassWeights | None = None,
    family: str | None = None,
    method: str = "direct",
    draws: int = 200,
    seed: int = 0,
) -> Study:
    """`plan`, with everything that it was made from."""
    if (budget is None) == (target_pq is None):
        raise InputError(
            "plan", "goal", "a budget or a target PQ, one of them", "both" if budget is not None else "none"
        )
    if images < 1:
        raise InputError("plan", "images", "at least 1", images)
    check_priced(pilots, prices)
    quality = fit_quality(pilots, kinds, weights, draws, seed, family)
    objectives = Objectives.of(quality, prices)
    bounds = Bounds.of(quality.kinds, least, most)
    limit = None if budget is None else prices.relative_budget(budget, unit, images)
    found = solve(objectives, bounds, method, PAPER_SAMPLES, seed)
    if limit is not None:
        chosen = best_within(objectives, bounds, found, limit)
    else:
        chosen = cheapest_within(objectives, bounds, found, float(target_pq or 0.0))
    counts = count_images(objectives, chosen.shares[0], images, bounds, limit, target_pq)
    goal: dict[str, str | float] = (
        {"kind": "target", "value": float(target_pq or 0.0), "unit": "PQ"}
        if limit is None
        else {"kind": "budget", "value": float(budget or 0.0), "unit": unit, "relative": limit}
    )
    made = _assemble(pilots, prices, objectives, bounds, found, counts, images, goal, seed)
    return Study(pilots, prices, objectives, bounds, found, made)


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


def _assemble(
    pilots: Pilots,
    prices: PriceList,
    objectives: Objectives,
    bounds: Bounds,
    found: Evaluated,
    counts: np.ndarray,
    images: int,
    goal: dict[str, str | float],
    seed: int,
) -> Plan:
    rng = np.random.default_rng(seed)
    quality, kinds = objectives.quality, objectives.quality.kinds
    shares = counts / images
    candidates = _candidates(found)
    pq_draws = quality.predict_draws(found.shares[candidates])
    target = float(goal["value"]) if goal["kind"] == "target" else None
    bought = bought_images(counts[None], owned_images(objectives, images))[0]
    present = np.flatnonzero(counts)
    return Plan(
        goal,
        images,
        {kinds[k]: int(counts[k]) for k in present},
        {kinds[k]: int(bought[k]) for k in np.flatnonzero(bought)},
        {kinds[k]: float(shares[k]) for k in present},
        _pq_band(quality, shares, rng),
        _cost(prices, quality, shares, bought, images, rng),
        probabilities(objectives, prices, shares, found.shares[candidates], bounds, target, rng),
        _runners_up(objectives, found, shares, goal, rng),
        _fronts(found, candidates, pq_draws),
        {
            name: {
                "family": branch.tried[0].family,
                "leave_one_out": branch.tried[0].leave_one_out,
                "extrapolation": branch.tried[0].extrapolation,
            }
            for name, branch in quality.branches.items()
        },
        {"name": prices.name, **{kind: prices.seconds(kind).mid for kind in kinds}},
        _notes(pilots, quality, shares, images),
    )


def _candidates(found: Evaluated) -> np.ndarray:
    """Rows to compare with in every draw: the central front, and an even sample of everything else."""
    front = found.front
    front = front[np.unique(np.linspace(0, len(front) - 1, CANDIDATES * 2 // 3).round().astype(int))]
    others = np.linspace(0, len(found.cost) - 1, CANDIDATES // 3).round().astype(int)
    return np.unique(np.concatenate([front, others]))


def _pq_band(quality: QualityModel, shares: Float[np.ndarray, " k"], rng: np.random.Generator) -> Band:
    """The band of one training run: the response's draws, and the noise of a run around the response."""
    draws = quality.predict_draws(shares[None])[:, 0]
    draws = np.repeat(draws, 10) + quality.noise * rng.standard_normal(10 * len(draws))
    return Band.of(float(quality.predict(shares[None])[0]), draws)


def _cost(
    prices: PriceList,
    quality: QualityModel,
    shares: Float[np.ndarray, " k"],
    bought: np.ndarray,
    images: int,
    rng: np.random.Generator,
) -> Cost:
    drawn = draw_costs(prices, quality, shares[None], rng, 1000)[:, 0]
    relative = Band.of(float(bought @ prices.relative(quality.kinds) / images), drawn)
    ends = (relative.mid, relative.low, relative.high)
    wage = prices.hourly_wage
    hours = Band(*(prices.hours(end, images) for end in ends))
    money = None if wage is None else Band(hours.mid * wage, hours.low * wage, hours.high * wage)
    return Cost(relative, hours, money, prices.currency)


def _runners_up(
    objectives: Objectives,
    found: Evaluated,
    shares: Float[np.ndarray, " k"],
    goal: dict[str, str | float],
    rng: np.random.Generator,
) -> list[Option]:
    """The best of those that differ enough from the plan and from each other."""
    if goal["kind"] == "budget":
        good = np.flatnonzero(found.cost <= float(goal["relative"]))
        order = good[np.lexsort((found.cost[good], -found.quality[good]))]
    else:
        good = np.flatnonzero(found.quality >= float(goal["value"]))
        order = good[np.lexsort((-found.quality[good], found.cost[good]))]
    kept = [shares]
    for row in order:
        if all(np.abs(found.shares[row] - other).sum() / 2 >= APART for other in kept):
            kept.append(found.shares[row])
        if len(kept) > RUNNERS_UP:
            break
    return [_option(objectives, other, rng) for other in kept[1:]]


def _option(objectives: Objectives, shares: Float[np.ndarray, " k"], rng: np.random.Generator) -> Option:
    kinds = objectives.quality.kinds
    named = {kind: float(share) for kind, share in zip(kinds, shares, strict=True) if share > 0}
    return Option(named, float(objectives.cost(shares[None])[0]), _pq_band(objectives.quality, shares, rng))


def _fronts(found: Evaluated, rows: np.ndarray, pq_draws: Float[np.ndarray, "d r"]) -> Fronts:
    low, high = np.quantile(pq_draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)

    def front(quality: Float[np.ndarray, " r"]) -> list[list[float]]:
        order = front_order(found.cost[rows], quality)
        order = order[np.unique(np.linspace(0, len(order) - 1, FRONT_POINTS).round().astype(int))]
        return [[float(found.cost[rows][i]), float(quality[i])] for i in order]

    return Fronts(front(low), front(found.quality[rows]), front(high))


def _notes(pilots: Pilots, quality: QualityModel, shares: Float[np.ndarray, " k"], images: int) -> list[str]:
    notes = []
    beyond = float(quality.beyond(shares[None])[0])
    if beyond > 1e-9:
        notes.append(f"The allocation lies {beyond:.2f} of the images outside the piloted shares: the band is widened.")
    skipped = [kind for kind in pilots.kinds if kind not in (*quality.kinds, *plannable(pilots))]
    if skipped:
        notes.append(f"Not considered, for lack of pilots on every branch: {', '.join(skipped)}.")
    sizes = sorted({pilot.images for pilot in pilots.runs} - {0, images})
    if sizes:
        notes.append(
            f"Pilots had {', '.join(map(str, sizes))} images, the plan has {images}: shares are taken to carry over."
        )
    mixed = [kind for kind, share in zip(quality.kinds, shares, strict=True) if share > 0 and kind != NONE]
    if len(mixed) > 2:
        notes.append(
            "Pilots mix two label sets each; how more of them act together is the response family's assumption."
        )
    return notes
