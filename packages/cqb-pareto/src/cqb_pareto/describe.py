"""Everything that a plan says of the images it was given: bands, chances, runners-up, fronts and notes."""

import numpy as np
from jaxtyping import Float

from cqb_pareto.confidence import LEVEL, Band, draw_costs, probabilities
from cqb_pareto.considered import Setback, plannable, setbacks
from cqb_pareto.counts import bought_images, owned_images
from cqb_pareto.evaluated import Evaluated
from cqb_pareto.front import front_order
from cqb_pareto.kinds import NONE
from cqb_pareto.objectives import Objectives, QualityModel
from cqb_pareto.piloted import Limits
from cqb_pareto.pilots import Pilots
from cqb_pareto.plan import Cost, Fronts, Option, Plan
from cqb_pareto.prices import PriceList

CANDIDATES = 1500
RUNNERS_UP = 3
APART = 0.1
FRONT_POINTS = 60
FEEBLE = 5.0
"""Points of PQ that at least one pilot should reach on each branch."""


def describe(
    prices: PriceList,
    objectives: Objectives,
    limits: Limits,
    found: Evaluated,
    counts: np.ndarray,
    images: int,
    goal: dict[str, str | float],
    seed: int,
) -> Plan:
    """The plan of whole images per label set, with everything that a reader has to know of it."""
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
        {kinds[k]: int(bought[k]) for k in np.flatnonzero(bought) if kinds[k] != NONE},
        {kinds[k]: float(shares[k]) for k in present},
        _pq_band(quality, shares, rng),
        _cost(prices, quality, shares, bought, images, rng),
        probabilities(objectives, prices, shares, found.shares[candidates], limits.bounds, target, rng),
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
        _notes(limits, quality, shares, images),
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


def _notes(limits: Limits, quality: QualityModel, shares: Float[np.ndarray, " k"], images: int) -> list[str]:
    pilots = limits.pilots
    notes = limits.active(shares, 1 / images + 1e-9)
    beyond = float(quality.beyond(shares[None])[0])
    if beyond > 1e-9:
        notes.append(f"The allocation lies {beyond:.2f} of the images outside the piloted shares: the band is widened.")
    skipped = [kind for kind in pilots.kinds if kind not in (*quality.kinds, *plannable(pilots))]
    if skipped:
        notes.append(f"Not considered, for lack of pilots on every branch: {', '.join(skipped)}.")
    for branch in quality.branches:
        best = max(run.quality(branch) for run in pilots.having(branch))
        if best < FEEBLE:
            notes.append(
                f"No pilot reaches more than {best:.1f} points of PQ over {branch}: networks that have learnt so "
                "little tell little of what labels are worth. Train the pilots longer."
            )
    notes += [_of_setback(setback, pilots, quality) for setback in setbacks(pilots, plannable(pilots))]
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


def _of_setback(setback: Setback, pilots: Pilots, quality: QualityModel) -> str:
    points = sum(quality.weights.of_branch(branch) * points for branch, points in setback.points.items())
    found = (
        f"Runs with {setback.kind} on the rest are {points:.1f} points of PQ below those with {pilots.full} alone, in "
        f"each of {setback.comparisons} comparisons: here these labels cost more than they teach"
    )
    if setback.kind not in quality.kinds:
        return f"{found}, so the plan goes without. Longer pilots may tell otherwise."
    return f"{found}, which the responses may not show. Train the pilots longer, or plan without them (--kinds)."
