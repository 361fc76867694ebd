"""Bounds that keep an allocation inside what was piloted, each with where it came from.

Beyond the pilots a response is an extrapolation. Below the smallest piloted share of full labels it flatters: the
curves are steepest there, and a search for the best prediction goes where the error is largest (the optimiser's curse).
So a plan stays between the smallest and the largest piloted share of each label set, unless it is asked to extrapolate.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.errors import InputError
from cqb_pareto.kinds import NONE
from cqb_pareto.objectives import Objectives, QualityModel, cheapest_allocation
from cqb_pareto.pilots import Pilots
from cqb_pareto.simplex import Bounds

SLACK = 1e-9
GO_OUTSIDE = "extrapolate (--extrapolate)"


@dataclass(frozen=True)
class Limits:
    """The bounds of a plan.

    Attributes:
        bounds: what the plan keeps.
        asked: the part of them that the user set; 0 and 1 elsewhere.
        kinds: what their columns mean.
        pilots: the runs that set the rest.
    """

    bounds: Bounds
    asked: Bounds
    kinds: tuple[str, ...]
    pilots: Pilots

    @classmethod
    def of(
        cls,
        quality: QualityModel,
        pilots: Pilots,
        least: Mapping[str, float] | None = None,
        most: Mapping[str, float] | None = None,
        extrapolate: bool = False,
    ) -> "Limits":
        """The user's bounds and, unless `extrapolate`, those of the pilots; the tighter one counts.

        Raises:
            InputError: bounds that leave no allocation, among them the user's ones outside the pilots.
        """
        asked = Bounds.of(quality.kinds, least, most)
        if extrapolate:
            return cls(asked, asked, quality.kinds, pilots)
        low, high = piloted(quality, pilots)
        limits = cls(Bounds(np.maximum(asked.low, low), np.minimum(asked.high, high)), asked, quality.kinds, pilots)
        limits._check(low, high)
        return limits

    def check_budget(
        self, objectives: Objectives, budget: float, unit: str = "relative", per_unit: float = 1.0
    ) -> None:
        """That the cheapest allocation costs no more than the budget.

        Args:
            objectives: what allocations cost.
            budget: in panoptic-label units per image.
            unit: in which the user gave it.
            per_unit: panoptic-label units per image that one such unit buys.

        Raises:
            InputError: with what the cheapest costs, and what would make a smaller budget possible.
        """
        cheapest = cheapest_allocation(objectives, self.bounds)
        cost = _cost(objectives, cheapest)
        if cost <= budget * (1 + 1e-12) + 1e-12:
            return
        relative = f"{cost:.6g} panoptic labels per image"
        amount = relative if unit == "relative" else f"{cost / per_unit:.6g} {unit} ({relative})"
        inside = "" if self.trivial else " inside the piloted shares"
        wanted = f"at least {amount}, the cost of the cheapest allocation{inside} ({self.named(cheapest)})"
        raise InputError("budget", unit, wanted, f"{budget / per_unit:.6g}", self._for_less(objectives, budget))

    @property
    def trivial(self) -> bool:
        """Whether the pilots bound nothing that the user does not."""
        return bool((self.bounds.low == self.asked.low).all() and (self.bounds.high == self.asked.high).all())

    def named(self, shares: Float[np.ndarray, " k"]) -> str:
        """An allocation in words, without the label sets that it lacks."""
        present = [(kind, share) for kind, share in zip(self.kinds, shares, strict=True) if share > SLACK]
        return ", ".join(f"{kind} {share:.3g}" for kind, share in present)

    def active(self, shares: Float[np.ndarray, " k"], slack: float = SLACK) -> list[str]:
        """A sentence for each bound within `slack` of which a share stands, and where that bound came from.

        A largest share that follows from the other kinds' smallest ones is not named, nor a share of 0 or 1.
        """
        said = []
        for k, kind in enumerate(self.kinds):
            low, high = float(self.bounds.low[k]), float(self.bounds.high[k])
            if low > 0 and shares[k] <= low + slack:
                said.append(self._sentence(kind, "least", low, bool(low > self.asked.low[k])))
            elif shares[k] >= high - slack and high < 1 - (self.bounds.low.sum() - low) - SLACK:
                said.append(self._sentence(kind, "largest", high, bool(high < self.asked.high[k])))
        return said

    def _sentence(self, kind: str, end: str, share: float, piloted: bool) -> str:
        if not piloted:
            return f"{kind} stands at the {end} share that was asked for, {share:.3g}."
        return (
            f"{kind} stands at its {end} piloted share, {share:.3g}{self._row(kind, share)}; beyond it the response "
            f"would be extrapolated. To see beyond, pilot there, or {GO_OUTSIDE}."
        )

    def _row(self, kind: str, share: float) -> str:
        """The first row of the table that has the share."""
        for pilot in self.pilots.runs:
            here = pilot.share if kind == pilot.full else 1 - pilot.share if kind == pilot.rest else -1.0
            if abs(here - share) < SLACK:
                return f" ({self.pilots.name}, row {pilot.row})"
        return ""

    def _check(self, low: Float[np.ndarray, " k"], high: Float[np.ndarray, " k"]) -> None:
        for k, kind in enumerate(self.kinds):
            for name, end, share, wrong, asked in (
                ("minimum", "at most", high[k], self.asked.low[k] > high[k] + SLACK, self.asked.low[k]),
                ("maximum", "at least", low[k], self.asked.high[k] < low[k] - SLACK, self.asked.high[k]),
            ):
                if wrong:
                    which = "largest" if end == "at most" else "smallest"
                    wanted = f"{end} {share:.3g}, the {which} piloted share{self._row(kind, share)}"
                    raise InputError("bounds", f"{name} {kind}", wanted, f"{asked:g}", f"pilot there, or {GO_OUTSIDE}")
        for name, total, wanted in (
            ("minima", self.bounds.low, self.bounds.low.sum() <= 1 + SLACK),
            ("maxima", self.bounds.high, self.bounds.high.sum() >= 1 - SLACK),
        ):
            if not wanted:
                side = "at most" if name == "minima" else "at least"
                raise InputError(
                    "bounds",
                    f"{name} of asked and piloted shares",
                    f"a sum of {side} 1, else no allocation is left",
                    f"{total.sum():.3g} ({self.named(total)})",
                    f"pilot more shares, consider {NONE} as well (--kinds), or {GO_OUTSIDE}",
                )

    def _for_less(self, objectives: Objectives, budget: float) -> str:
        """What to do for a smaller budget than the pilots allow; nothing where no allocation is that cheap."""
        if self.trivial or _cost(objectives, cheapest_allocation(objectives, self.asked)) > budget:
            return ""
        share = self._affordable_share(objectives, budget)
        if share is None:
            return f"pilot the cheap label sets at larger shares, or {GO_OUTSIDE}"
        full, others = self.kinds[0], [kind for kind in self.kinds[1:] if kind != NONE]
        each = f" alone and with {', '.join(others)} on the rest" if others else ""
        least = float(self.bounds.low[0])
        return (
            f"{full} was piloted from {least:.3g} on{self._row(full, least)}, and this budget buys at most {share:.2g}"
            f": pilot {full} there{each}, or {GO_OUTSIDE}"
        )

    def _affordable_share(self, objectives: Objectives, budget: float) -> float | None:
        """The largest share of full labels that the budget allows beside the cheapest others, rounded down to two
        digits; None where fewer full labels do not help.
        """

        def cost(share: float) -> float:
            low, high = self.bounds.low.copy(), self.asked.high.copy()
            low[0] = high[0] = share
            return _cost(objectives, cheapest_allocation(objectives, Bounds(low, high)))

        below, above = float(self.asked.low[0]), float(self.bounds.low[0])
        if above <= below or cost(below) > budget:
            return None
        for _ in range(50):
            middle = (below + above) / 2
            below, above = (middle, above) if cost(middle) <= budget else (below, middle)
        step = 10.0 ** (np.floor(np.log10(max(below, 1e-6))) - 1)
        return float(np.floor(below / step + 1e-6) * step)


def piloted(quality: QualityModel, pilots: Pilots) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The smallest and the largest share of each label set inside the pilots of every branch; of unlabelled images 0,
    and the largest that a run had, or 1 where no run had any.
    """
    low, high = np.zeros(len(quality.kinds)), np.ones(len(quality.kinds))
    for branch in quality.branches.values():
        columns = [quality.kinds.index(kind) for kind in branch.kinds]
        low[columns] = np.maximum(low[columns], branch.low)
        high[columns] = np.minimum(high[columns], branch.high)
    alone = [1 - pilot.share for pilot in pilots.runs if pilot.rest == NONE and pilot.share < 1]
    if NONE in quality.kinds and alone:
        high[quality.kinds.index(NONE)] = max(alone)
    return low, high


def _cost(objectives: Objectives, shares: Float[np.ndarray, " k"]) -> float:
    return float(objectives.cost(shares[None])[0])
