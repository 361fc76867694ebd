"""What a report shows, as numbers: the same that the page's script computes with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.confidence import LEVEL
from cqb_pareto.front import best_under, cheapest_reaching
from cqb_pareto.kinds import NONE
from cqb_pareto.objectives import Objectives, QualityModel
from cqb_pareto.report.words import plan_lines, summary_line
from cqb_pareto.simplex import Shares, lattice_within, within
from cqb_pareto.solvers import solve
from cqb_pareto.study import Study

LATTICE = 3000
FRONT = 150
DIGITS = 5
NOISE_STEPS = 9
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Mark:
    """Allocations to point out on the front's plot, such as those of a paper."""

    label: str
    color: str
    names: Sequence[str]
    shares: Shares


@dataclass(frozen=True)
class Page:
    """Everything that a page needs; numbers are rounded as in the file, so Python and the page see the same ones.

    `low` and `high` are the band of one training run.
    """

    study: Study
    shares: Shares
    pq: Float[np.ndarray, " r"]
    low: Float[np.ndarray, " r"]
    high: Float[np.ndarray, " r"]
    marks: Sequence[Mark] = ()

    @classmethod
    def of(cls, study: Study, marks: Sequence[Mark] = ()) -> "Page":
        """The plan's allocation, the fronts under the plan's and under other prices, and a lattice over everything."""
        shares = np.round(np.concatenate([_planned(study), _fronts(study), _lattice(study)]), DIGITS)
        shares = shares[np.sort(np.unique(shares, axis=0, return_index=True)[1])]
        quality = study.objectives.quality
        pq = quality.predict(shares)
        low, high = training_band(quality, shares)
        pq, low, high = (np.round(values, DIGITS) for values in (pq, np.minimum(low, pq), np.maximum(high, pq)))
        return cls(study, shares, pq, low, high, marks)

    @property
    def seconds(self) -> list[float]:
        """Central seconds per image of each kind."""
        return [round(self.study.prices.seconds(kind).mid, 6) for kind in self.kinds]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the columns of an allocation mean."""
        return self.study.objectives.quality.kinds

    @property
    def goal(self) -> float:
        """The budget in hours, or the target PQ."""
        goal = self.study.plan.goal
        if goal["kind"] == "target":
            return float(goal["value"])
        return float(np.ceil(self.study.prices.hours(float(goal["relative"]), self.study.plan.images) * 1e6) / 1e6)

    @property
    def inside(self) -> bool:
        """Whether no allocation of the page lies outside the piloted shares."""
        return bool(self.study.objectives.quality.beyond(self.shares).max() < 10.0**-DIGITS)

    def hours(self, seconds: Sequence[float]) -> Float[np.ndarray, " r"]:
        """Hours of every allocation under given seconds per image."""
        paid = np.maximum(self.shares - self.study.objectives.owned, 0.0)
        total = np.zeros(len(paid))
        for column, price in enumerate(seconds):
            total += paid[:, column] * price
        return np.asarray(total * self.study.plan.images / 3600)

    def recommend(self, seconds: Sequence[float], goal: float) -> int | None:
        """The row that the page recommends under given prices and goal; None when nothing fits."""
        hours = self.hours(seconds)
        if self.study.plan.goal["kind"] == "target":
            return cheapest_reaching(hours, self.pq, goal)
        return best_under(hours, self.pq, goal)

    def to_json(self) -> str:
        """The page's data, safe inside a script element."""
        made = self.study.plan
        content = {
            "kinds": self.kinds,
            "shares": self.shares.tolist(),
            "pq": self.pq.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "owned": self.study.objectives.owned.tolist(),
            "seconds": self.seconds,
            "images": made.images,
            "wage": self.study.prices.hourly_wage,
            "currency": self.study.prices.currency,
            "mode": made.goal["kind"],
            "goal": self.goal,
            "inside": self.inside,
            "summary": summary_line(self.study),
            "plan": plan_lines(made),
            "notes": made.notes,
            "responses": [_response(self.study, name) for name in self.study.objectives.quality.branches],
            "marks": [self._mark(mark) for mark in self.marks],
        }
        return json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")

    def _mark(self, mark: Mark) -> dict[str, object]:
        pq = np.round(self.study.objectives.quality.predict(mark.shares), DIGITS).tolist()
        shares = mark.shares.tolist()
        return {"label": mark.label, "color": mark.color, "names": list(mark.names), "shares": shares, "pq": pq}


def training_band(quality: QualityModel, shares: Shares) -> Float[np.ndarray, "2 r"]:
    """The ends of the band of one training run, as in the plan: every draw spread by the noise of a run, which is taken
    at even steps of probability, so that the band is smooth.
    """
    from scipy.special import ndtri

    off = quality.noise * ndtri((np.arange(NOISE_STEPS) + 0.5) / NOISE_STEPS)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    bands = []
    for rows in np.array_split(shares, max(len(shares) // ROWS_AT_ONCE, 1)):
        spread = (quality.predict_draws(rows)[:, None] + off[:, None]).reshape(-1, len(rows))
        bands.append(np.quantile(spread, ends, axis=0))
    return np.concatenate(bands, axis=1)


def _planned(study: Study) -> Shares:
    return np.array([[study.plan.allocation.get(kind, 0.0) for kind in study.objectives.quality.kinds]])


def _fronts(study: Study) -> Shares:
    """The front under the plan's prices, and under each price a third and three times as high."""
    rows = [_even(study.found.shares[study.found.front], 3 * FRONT)]
    for kind in range(len(study.objectives.prices)):
        for factor in (1 / 3, 3.0):
            prices = study.objectives.prices.copy()
            prices[kind] *= factor
            found = solve(
                Objectives(study.objectives.quality, prices, study.objectives.owned), study.bounds, evaluations=2000
            )
            rows.append(_even(found.shares[found.front], FRONT))
    return np.concatenate(rows)


def _even(rows: Float[np.ndarray, "n k"], size: int) -> Shares:
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, size).round().astype(int))])


def _lattice(study: Study) -> Shares:
    return within(lattice_within(len(study.bounds.low), LATTICE), study.bounds)


def _response(study: Study, name: str) -> dict[str, object]:
    """Curves of one branch: PQ against the share of full labels, for each kind on the rest."""
    quality = study.objectives.quality
    branch = quality.branches[name]
    share = np.round(np.linspace(0.01, 1, 67), 4)
    curves = []
    for rest in (NONE, *branch.kinds[1:]):
        rows = np.zeros((len(share), len(branch.kinds)))
        rows[:, 0] = share
        if rest != NONE:
            rows[:, branch.kinds.index(rest)] = 1 - share
        low, high = np.quantile(branch.predict_draws(rows), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        ends = {"low": low, "mid": branch.predict(rows), "high": high}
        curves.append({"rest": rest, **{end: np.round(values, 3).tolist() for end, values in ends.items()}})
    runs = [
        {"rest": p.rest, "share": p.share, "pq": p.quality(name), "variant": p.variant, "module": p.module}
        for p in study.pilots.having(name)
    ]
    piloted = [float(branch.low[0]), float(branch.high[0])]
    family = branch.tried[0].family
    return {"name": name, "family": family, "share": share.tolist(), "piloted": piloted, "curves": curves, "runs": runs}
