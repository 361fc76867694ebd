"""Which response to trust: the error on runs that a fit has not seen.

Leave-one-out drops one allocation with all its seeds. Extrapolation fits the cheap half of each kind's shares and
predicts the dear half. The family with the smallest root mean square of the two is chosen, per branch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from cqb_pareto.responses.additive import LOG_ADDITIVE
from cqb_pareto.responses.cubic import CUBIC
from cqb_pareto.responses.effective import DIMINISHING, LOG, POWER
from cqb_pareto.responses.family import Family
from cqb_pareto.responses.labels import ByLabelFamily
from cqb_pareto.responses.observations import Observations

BY_LABEL: tuple[Family, ...] = (POWER, DIMINISHING, LOG, LOG_ADDITIVE)
"""Of these the labels are known that label sets are sums of."""

FAMILIES: dict[str, Family] = {family.name: ByLabelFamily(family) for family in BY_LABEL} | {CUBIC.name: CUBIC}


@dataclass(frozen=True, eq=False)
class Errors:
    """What a family missed, in PQ points.

    Attributes:
        left_out: predicted less measured, of every run whose allocation could be left out; the same runs in the same
            order for each family.
        extrapolation: root mean square error on the dear half of the shares; NaN where the runs do not allow one.
        distance: how far that half lies beyond the cheap one (mean share).
    """

    family: str
    left_out: Float[np.ndarray, " m"]
    extrapolation: float
    distance: float

    @cached_property
    def leave_one_out(self) -> float:
        """Root mean square of `left_out`; NaN without any."""
        return _rms(self.left_out)

    @property
    def score(self) -> float:
        """Root mean square of those errors that exist; infinite without any."""
        known = [e for e in (self.leave_one_out, self.extrapolation) if not math.isnan(e)]
        return math.sqrt(sum(e * e for e in known) / len(known)) if known else math.inf


def errors(seen: Observations, family: Family) -> Errors:
    """Both errors of one family, and how far the extrapolation went (mean share beyond the fitted ones)."""
    cheap = _cheap_half(seen)
    folds = [
        (seen.points != point) & _fittable(seen, seen.points != point) for point in np.unique(seen.points[seen.counts])
    ]
    folds = [fold for fold in folds if fold.any()]
    weights = np.array([*folds, cheap] if cheap.any() else folds, dtype=float)
    if not len(weights):
        return Errors(family.name, np.empty(0), math.nan, 0.0)
    predicted = family.fit(seen, np.tile(seen.quality, (len(weights), 1)), weights).predict(seen.shares)
    missed = predicted - seen.quality
    left_out = np.concatenate([missed[i, ~fold & seen.counts] for i, fold in enumerate(folds)] or [np.empty(0)])
    dear = ~cheap & seen.counts if cheap.any() else np.zeros(len(cheap), dtype=bool)
    reach = np.maximum(seen.shares - seen.shares[cheap & seen.counts].max(axis=0), 0).max(axis=1) if dear.any() else 0.0
    distance = float(np.mean(np.broadcast_to(reach, dear.shape)[dear])) if dear.any() else 0.0
    return Errors(family.name, left_out, _rms(missed[-1, dear]), distance)


def rank(seen: Observations, families: Sequence[str] = tuple(FAMILIES)) -> list[Errors]:
    """The families by rising score."""
    return sorted((errors(seen, FAMILIES[name]) for name in families), key=lambda e: e.score)


def _rms(values: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else math.nan


def _fittable(seen: Observations, kept: Bool[np.ndarray, " n"]) -> bool:
    """Whether the full label set alone still stands at one share, so that every family has an anchor."""
    return bool((kept & seen.counts & (seen.arm == 0)).any())


def _cheap_half(seen: Observations) -> Bool[np.ndarray, " n"]:
    """The lower half (rounded up) of each kind's shares of full labels; all False when it would leave no test."""
    cheap = np.ones(len(seen.arm), dtype=bool)
    for arm in np.unique(seen.arm):
        rows = seen.arm == arm
        shares = np.unique(seen.shares[rows, 0])
        cheap[rows] = seen.shares[rows, 0] <= shares[(len(shares) + 1) // 2 - 1]
    return cheap if (~cheap & seen.counts).any() else np.zeros(len(cheap), dtype=bool)
