"""How sure a plan is: bands, and the share of bootstrap draws in which it holds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.kinds import NONE
from cqb_pareto.objectives import Objectives, QualityModel
from cqb_pareto.prices import PriceList
from cqb_pareto.simplex import Bounds, Shares, sample_uniform, within

LEVEL = 0.8
MARGIN = 0.1
RIVALS = 200
NEAR = 0.05


@dataclass(frozen=True)
class Band:
    """A central value with the ends of the band that holds 80 % of the draws."""

    mid: float
    low: float
    high: float

    @classmethod
    def of(cls, mid: float, draws: Float[np.ndarray, " d"]) -> "Band":
        """The central value, and the 10th and 90th percentile of the draws, stretched to hold the central one."""
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return cls(float(mid), min(float(low), float(mid)), max(float(high), float(mid)))


@dataclass(frozen=True)
class Probabilities:
    """Shares of the draws (pilots and prices drawn together), each from 0 to 1.

    Attributes:
        nondominated: no allocation of the candidates costs no more and is better by more than `margin` points.
        beats_all_panoptic: better than spending the same on the full label set alone, the rest left unlabelled; None
            for a plan that does so itself.
        beats_random: better than a random allocation at the same cost.
        reaches_target: PQ at least the target; None without one.
        margin: the points of PQ below which a difference does not count in `nondominated`.
    """

    nondominated: float
    beats_all_panoptic: float | None
    beats_random: float
    reaches_target: float | None
    margin: float


def draw_costs(
    prices: PriceList, quality: QualityModel, shares: Shares, rng: np.random.Generator, draws: int
) -> Float[np.ndarray, "d r"]:
    """Relative cost of each allocation under prices drawn from their ranges."""
    paid = np.maximum(shares - prices.owned_shares(quality.kinds), 0.0)
    return np.asarray(prices.sample(quality.kinds, rng, draws) @ paid.T)


def probabilities(
    objectives: Objectives,
    prices: PriceList,
    shares: Float[np.ndarray, " k"],
    candidates: Shares,
    bounds: Bounds,
    target: float | None,
    rng: np.random.Generator,
) -> Probabilities:
    """How often the allocation holds against the candidates, against all panoptic, and against chance."""
    quality = objectives.quality
    rows = np.concatenate([shares[None], candidates])
    pq = quality.predict_draws(rows)
    cost = draw_costs(prices, quality, rows, rng, len(pq))
    dominated = ((cost[:, 1:] <= cost[:, :1]) & (pq[:, 1:] > pq[:, :1] + MARGIN)).any(axis=1)
    spent = float(objectives.cost(shares[None])[0])
    alone = _all_full(objectives, spent)
    labels = [column for column, kind in enumerate(quality.kinds) if kind != NONE]
    itself = np.allclose(shares[labels], alone[0, labels])
    against_full = quality.predict_draws(alone)[:, 0]
    against_random = quality.predict_draws(_random_at(objectives, bounds, spent, rng))
    return Probabilities(
        float(1 - dominated.mean()),
        None if itself else float((pq[:, 0] > against_full).mean()),
        float((pq[:, :1] > against_random).mean()),
        None if target is None else float((pq[:, 0] >= target).mean()),
        MARGIN,
    )


def _all_full(objectives: Objectives, cost: float) -> Shares:
    """The full label set on as many images as the money buys, beside those that are owned."""
    shares = np.zeros((1, len(objectives.prices)))
    shares[0, 0] = min(1.0, objectives.owned[0] + cost / objectives.prices[0])
    return shares


def _random_at(objectives: Objectives, bounds: Bounds, cost: float, rng: np.random.Generator) -> Shares:
    """Random allocations whose cost is within 5 % of a given one; the nearest in cost where too few are."""
    shares = within(sample_uniform(len(bounds.low), 20_000, rng), bounds)
    away = np.abs(objectives.cost(shares) - cost)
    near = np.flatnonzero(away <= NEAR * cost)
    return shares[near[:RIVALS] if len(near) >= RIVALS // 10 else np.argsort(away)[: RIVALS // 10]]
