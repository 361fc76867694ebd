"""Which pilots to run next: those that most help the *decision*, not those that are most uncertain.

The bootstrap draws give a joint covariance of what runs would show and of the PQ of allocations. A run shifts the
expected PQ of every allocation by a random amount of known size (Gaussian conditioning on the ensemble, as in a
square-root Kalman filter). Its value is the expected rise in PQ of the allocation that would then be recommended (the
knowledge gradient), averaged over budgets. A batch is picked greedily, each pick with those before it given.

Such runs look where the fit is in doubt, and a fit of the wrong form is sure where it should not be. So a part of every
batch goes to the shares that are farthest from all that was piloted, which trusts no fit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.considered import plannable
from cqb_pareto.errors import InputError
from cqb_pareto.kinds import NONE
from cqb_pareto.objectives import ClassWeights, Objectives, QualityModel, fit_quality
from cqb_pareto.pilots import Pilots
from cqb_pareto.prices import PriceList
from cqb_pareto.responses.bands import before_pilots
from cqb_pareto.simplex import lattice_within

GRID = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
BUDGETS = (0.05, 0.1, 0.2, 0.35, 0.5)
ALLOCATIONS = 400
EXPLORED = 0.5
LATTICE = tuple(round(0.02 * i, 2) for i in range(1, 50))
BOTH_ENDS = (0.1, 0.5)
SCENARIOS = 128


@dataclass(frozen=True)
class Proposal:
    """One run to do: the full label set on `share` of the images, `rest` on the others.

    `value` is the rise in PQ points of the recommended allocation that is expected from it, 0 for the runs of a first
    design that no fit can do without.
    """

    full: str
    rest: str
    share: float
    variant: str
    seed: int
    value: float


@dataclass(frozen=True)
class Done:
    """A run that stands in the table, or is picked: labels of the rest, share of full labels, variant and seed."""

    rest: str
    share: float
    variant: str
    seed: int = 0


@dataclass
class Belief:
    """Draws of everything that matters, less their mean, and how far a batch of runs shifts each allocation.

    Attributes:
        spread: d draws x (allocations, then outcomes of runs).
        mean: expected PQ of the allocations, which stand in order of cost.
        shifts: s scenarios x allocations, the change of expected PQ after the runs picked so far.
        affordable: how many allocations each budget allows, rising.
        noise: of one run on each branch.
    """

    spread: Float[np.ndarray, "d m"]
    mean: Float[np.ndarray, " a"]
    shifts: Float[np.ndarray, "s a"]
    affordable: tuple[int, ...]
    noise: Float[np.ndarray, " n"]

    def after(self, columns: slice, normal: Float[np.ndarray, "s n"], keep: bool = False) -> Float[np.ndarray, "s a"]:
        """The shifts after one more run, whose branches are conditioned on one by one; `keep` makes it so."""
        spread, shifts = self.spread, self.shifts
        for branch, column in enumerate(range(columns.start, columns.stop)):
            seen = spread[:, column].copy()
            total = float(seen @ seen) / (len(seen) - 1) + self.noise[branch] ** 2
            gain = seen @ spread / (len(seen) - 1) / total
            shifts = shifts + np.sqrt(total) * normal[:, branch, None] * gain[: len(self.mean)]
            if keep or column + 1 < columns.stop:
                spread = spread - np.outer(seen, gain / (1 + self.noise[branch] / np.sqrt(total)))
        if keep:
            self.spread, self.shifts = spread, shifts
        return shifts

    def decided(self, shifts: Float[np.ndarray, "s a"]) -> float:
        """Expected PQ of the allocation chosen after the shifts, averaged over scenarios and budgets."""
        known = self.mean + shifts
        starts = (0, *self.affordable[:-1])
        steps = [known[:, i:j].max(axis=1) for i, j in zip(starts, self.affordable, strict=True)]
        return float(np.mean(np.maximum.accumulate(steps)))


def first_design(
    kinds: Sequence[str],
    prices: PriceList,
    runs: int,
    weights: ClassWeights | None = None,
    budgets: Sequence[float] = BUDGETS,
    draws: int = 150,
    seed: int = 0,
) -> list[Proposal]:
    """Pilots to begin with: what every fit needs (full labels alone at two shares, each kind once), then the best by
    the prior of the power law with diminishing worth.

    Raises:
        InputError: fewer runs than that, or a kind without a price.
    """
    kinds = tuple(kind for kind in kinds if kind != NONE)
    needed = [Done(NONE, share, "baseline") for share in BOTH_ENDS]
    needed += [Done(kind, BOTH_ENDS[0], "module") for kind in kinds[1:]]
    if runs < len(needed):
        raise InputError("design", "runs", f"at least {len(needed)} for {', '.join(kinds)}", runs)
    rng = np.random.default_rng(seed)
    things_and_stuff = {branch: before_pilots(kinds, rng, draws) for branch in ("things", "stuff")}
    quality = QualityModel(kinds, weights or ClassWeights.of(), things_and_stuff)
    chosen = [Proposal(kinds[0], run.rest, run.share, run.variant, run.seed, 0.0) for run in needed]
    more = _greedy(quality, prices, needed, runs - len(needed), budgets, rng, assumed=len(needed))
    return chosen + more


def next_pilots(
    pilots: Pilots,
    prices: PriceList,
    runs: int,
    kinds: Sequence[str] | None = None,
    weights: ClassWeights | None = None,
    budgets: Sequence[float] = BUDGETS,
    draws: int = 150,
    seed: int = 0,
    explored: float = EXPLORED,
) -> list[Proposal]:
    """The next batch after some pilots. A run with weak labels is proposed only at shares that have a baseline.

    Args:
        pilots: what was run.
        prices: of each kind.
        runs: how many to propose.
        kinds: to choose among; those of the pilots by default.
        weights: of things and stuff.
        budgets: for which a decision is wanted, in full labels.
        draws: of the bootstrap.
        seed: of the draws.
        explored: part of the runs that goes where nothing was piloted, whatever the fit says.

    Raises:
        InputError: pilots that cannot be fitted yet, or a kind without a price.
    """
    if runs < 1:
        raise InputError("design", "runs", "at least 1", runs)
    if not 0 <= explored <= 1:
        raise InputError("design", "explored", "a part from 0 to 1", explored)
    kinds = [kind for kind in (plannable(pilots) if kinds is None else kinds) if kind != NONE]
    quality = fit_quality(pilots, kinds, weights, draws, seed)
    branches = {name: branch.learnable() for name, branch in quality.branches.items()}
    quality = QualityModel(quality.kinds, quality.weights, branches)
    done = [Done(pilot.rest, pilot.share, pilot.variant, pilot.seed) for pilot in pilots.runs]
    exploring = math.ceil(explored * runs)
    return _greedy(quality, prices, done, runs, budgets, np.random.default_rng(seed), assumed=0, exploring=exploring)


def _greedy(
    quality: QualityModel,
    prices: PriceList,
    done: Sequence[Done],
    runs: int,
    budgets: Sequence[float],
    rng: np.random.Generator,
    assumed: int,
    exploring: int = 0,
) -> list[Proposal]:
    """Pick `runs` runs, the first `exploring` of them where nothing was piloted.

    The last `assumed` of those done have no outcome yet, and are given like picks.
    """
    shares, affordable = _decisions(quality, prices, budgets)
    most = shares[: affordable[-1]].max(axis=0)
    weak = [kind for kind, some in zip(quality.kinds[1:], most[1:], strict=True) if some]
    apart = _apart([NONE, *weak], done, exploring)
    grid = sorted({*GRID, 1.0, *(run.share for run in done), *(share for _, share in apart)})
    places = [(rest, share) for rest in (NONE, *quality.kinds[1:]) for share in grid]
    n = len(quality.branches)
    table = {place: slice(len(shares) + i * n, len(shares) + (i + 1) * n) for i, place in enumerate(places)}
    belief = _believe(quality, shares, affordable, places)
    normal = rng.standard_normal((SCENARIOS, assumed + runs, len(quality.branches)))
    normal[SCENARIOS // 2 :] = -normal[: SCENARIOS // 2]
    for i, run in enumerate(list(done)[len(done) - assumed :]):
        belief.after(table[run.rest, run.share], normal[:, i], keep=True)
    taken = list(done)
    chosen: list[Proposal] = []
    for i in range(assumed, assumed + runs):
        before = belief.decided(belief.shifts)
        possible = [apart[i]] if i < exploring else [place for place in places if _allowed(place, taken)]
        values = [belief.decided(belief.after(table[place], normal[:, i])) for place in possible]
        best = possible[int(np.argmax(values))]
        belief.after(table[best], normal[:, i], keep=True)
        rest, share = best
        variant = "baseline" if rest == NONE else "module"
        used = [run.seed for run in taken if (run.rest, run.share, run.variant) == (rest, share, variant)]
        taken.append(Done(rest, share, variant, max(used, default=-1) + 1))
        worth = max(max(values) - before, 0.0)
        chosen.append(Proposal(quality.kinds[0], rest, share, variant, taken[-1].seed, worth))
    return chosen


def _apart(rests: Sequence[str], done: Sequence[Done], count: int) -> list[tuple[str, float]]:
    """Labels of the rest and shares, one after the other as far as can be from those with the same rest."""
    taken, chosen = list(done), []

    def room(place: tuple[str, float]) -> tuple[float, float]:
        rest, share = place
        nearest = min((abs(share - run.share) for run in taken if run.rest == rest), default=1.0)
        return nearest, -abs(share - 0.5)

    for _ in range(count):
        rest, share = max(((r, s) for r in rests for s in LATTICE if _allowed((r, s), taken)), key=room)
        chosen.append((rest, share))
        taken.append(Done(rest, share, "baseline" if rest == NONE else "module"))
    return chosen


def _believe(
    quality: QualityModel,
    shares: Float[np.ndarray, "a k"],
    affordable: tuple[int, ...],
    places: Sequence[tuple[str, float]],
) -> Belief:
    labels = np.zeros((len(places), len(quality.kinds)))
    for row, (rest, share) in enumerate(places):
        labels[row, 0] = share
        if rest in quality.kinds:
            labels[row, quality.kinds.index(rest)] += 1 - share
    outcomes = np.stack([quality.predict_branch_draws(name, labels) for name in quality.branches], axis=2)
    pq = quality.predict_draws(shares)
    drawn = np.concatenate([pq, outcomes.reshape(len(pq), -1)], axis=1)
    noise = np.array([max(branch.noise, 0.05) for branch in quality.branches.values()])
    return Belief(drawn - drawn.mean(axis=0), pq.mean(axis=0), np.zeros((SCENARIOS, len(shares))), affordable, noise)


def _allowed(place: tuple[str, float], taken: Sequence[Done]) -> bool:
    """Full labels alone anywhere; a kind where a baseline stands, and below a share of 1."""
    rest, share = place
    bases = ((NONE, share), (rest, share))
    return rest == NONE or (share < 1 and any(r.variant == "baseline" and (r.rest, r.share) in bases for r in taken))


def _decisions(
    quality: QualityModel, prices: PriceList, budgets: Sequence[float]
) -> tuple[Float[np.ndarray, "a k"], tuple[int, ...]]:
    """Allocations to decide between, by rising cost, and how many of them each budget allows.

    Much of a lattice is dear, so allocations near the cheapest kind are added. Budgets that allow nothing, or nothing
    more than a smaller one, are left out; without any left, everything may be chosen.
    """
    k = len(quality.kinds)
    coarse = lattice_within(k, ALLOCATIONS)
    near_cheapest = 0.15 * coarse + 0.85 * np.eye(k)[int(np.argmin(prices.relative(quality.kinds)))]
    shares = np.concatenate([coarse, near_cheapest])
    cost = Objectives.of(quality, prices).cost(shares)
    order = np.argsort(cost)
    affordable = np.unique(np.searchsorted(cost[order], sorted(budgets), side="right"))
    return shares[order], tuple(int(size) for size in affordable if size) or (len(shares),)


def to_csv(proposals: Sequence[Proposal]) -> str:
    """The proposals as rows of a pilot table whose qualities are still to be filled in."""
    header = "full,rest,share,variant,seed,pq_th,pq_st,value"
    rows = [f"{p.full},{p.rest},{p.share:g},{p.variant},{p.seed},,,{p.value:.4f}" for p in proposals]
    return "\n".join([header, *rows]) + "\n"
