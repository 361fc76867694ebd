"""Weak labels with which the pilots did worse than with full labels alone.

Responses of an effective share hold that labels never harm, and the log-additive one gives that up only when the runs
contradict it clearly. In a short training labels can harm: images that own them take their places in the batches from
those that own all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cqb_pareto.kinds import NONE
from cqb_pareto.objectives import QualityModel
from cqb_pareto.pilots import Pilots
from cqb_pareto.responses import Observations, observe

FEWEST = 2


@dataclass(frozen=True)
class Setback:
    """A label set, by how many points of PQ its runs are below, and in how many comparisons, all of which say so."""

    kind: str
    points: float
    comparisons: int


def setbacks(pilots: Pilots, quality: QualityModel) -> list[Setback]:
    """The label sets that are behind in each of two or more comparisons.

    A comparison is of one branch and one share of full labels: the mean over seeds of the runs with the label set on
    the rest, less that of the runs on the full labels alone.
    """
    labelled = [kind for kind in quality.kinds if kind != NONE]
    seen = {branch: observe(pilots, branch, labelled) for branch in quality.branches}
    found = []
    for column, kind in enumerate(labelled[1:], 1):
        gains = {branch: list(_gains(observed, column)) for branch, observed in seen.items()}
        every = [gain for of_branch in gains.values() for gain in of_branch]
        if len(every) >= FEWEST and max(every) < 0:
            parts = [quality.weights.of_branch(branch) * np.mean(of) for branch, of in gains.items() if of]
            found.append(Setback(kind, -float(sum(parts)), len(every)))
    return found


def _gains(seen: Observations, column: int) -> Iterator[float]:
    """Of a label set at each share of full labels that was also trained alone."""
    for share in np.unique(np.round(seen.shares[:, 0], 9)):
        here = seen.counts & (np.abs(seen.shares[:, 0] - share) < 1e-8)
        weak, alone = (seen.quality[here & (seen.arm == arm)] for arm in (column, 0))
        if len(weak) and len(alone):
            yield float(weak.mean() - alone.mean())
