"""Which label sets a plan considers by default: all that were piloted, less those that only did harm.

Responses of an effective share hold that labels never harm, and the log-additive one gives that up only when the runs
contradict it clearly. In a short training labels can harm: images that own them take their places in the batches from
those that own all. A response that cannot fall takes the harm for noise, in the full labels' own curve too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cqb_pareto.kinds import NONE
from cqb_pareto.pilots import Pilots
from cqb_pareto.responses import Observations, observe

FEWEST = 2
"""Comparisons that must say so before a label set is left out."""


@dataclass(frozen=True)
class Setback:
    """A label set, by how many points of PQ its runs are below on each branch (the mean over shares of full labels),
    and in how many comparisons, all of which say so.
    """

    kind: str
    points: Mapping[str, float]
    comparisons: int


def plannable(pilots: Pilots) -> tuple[str, ...]:
    """The label sets that the table measures on every branch, the full one first; last none, where full labels were
    trained alone: an image need not be labelled at all.
    """

    def measured(kind: str, branch: str) -> bool:
        return any(p.rest == kind and p.variant != "baseline" for p in pilots.having(branch))

    weak = [kind for kind in pilots.kinds[1:] if all(measured(kind, branch) for branch in pilots.branches)]
    alone = any(pilot.rest == NONE and pilot.share < 1 for pilot in pilots.runs)
    return (pilots.full, *weak, *((NONE,) if alone else ()))


def considered(pilots: Pilots) -> tuple[str, ...]:
    """`plannable` without the setbacks, where images may stay unlabelled instead.

    Raises:
        InputError: naming the runs that are missing, as of `observe`.
    """
    kinds = plannable(pilots)
    if NONE not in kinds:
        return kinds
    harmful = {setback.kind for setback in setbacks(pilots, kinds)}
    return tuple(kind for kind in kinds if kind not in harmful)


def setbacks(pilots: Pilots, kinds: Sequence[str]) -> list[Setback]:
    """Those of the label sets that are behind full labels alone in each of two or more comparisons.

    A comparison is of one branch and one share of full labels: the mean over seeds of the runs with the label set on
    the rest, less that of the runs on the full labels alone.

    Raises:
        InputError: naming the runs that are missing, as of `observe`.
    """
    seen = {branch: observe(pilots, branch, kinds) for branch in pilots.branches}
    found = []
    for column, kind in enumerate(seen[pilots.branches[0]].kinds[1:], 1):
        gains = {branch: list(_gains(observed, column)) for branch, observed in seen.items()}
        every = [gain for of_branch in gains.values() for gain in of_branch]
        if len(every) >= FEWEST and max(every) < 0:
            points = {branch: -float(np.mean(of_branch)) for branch, of_branch in gains.items() if of_branch}
            found.append(Setback(kind, points, len(every)))
    return found


def _gains(seen: Observations, column: int) -> Iterator[float]:
    """Of a label set at each share of full labels that was also trained alone."""
    for share in np.unique(np.round(seen.shares[:, 0], 9)):
        here = seen.counts & (np.abs(seen.shares[:, 0] - share) < 1e-8)
        weak, alone = (seen.quality[here & (seen.arm == arm)] for arm in (column, 0))
        if len(weak) and len(alone):
            yield float(weak.mean() - alone.mean())
