"""What the pilots say about one branch (things, stuff or all), as arrays that every response family reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from cqb_pareto.errors import InputError
from cqb_pareto.kinds import NONE, trains
from cqb_pareto.pilots import Pilot, Pilots

Rows = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Observations:
    """n runs over k kinds, the first of which is the full label set.

    Args:
        shares: n x k, the labels that the run learned from; what is missing to 1 taught this branch nothing.
        quality: PQ in points.
        counts: whether the run measures a response, and not only serves as the denominator of a ratio (Eq. 6), as a
            run on P + B with the module off does for things.
        cells: number of the labels, variant and module of each run; runs of one cell differ by seed only.
        module: whether the run had the weakly supervised module on.
        base: the cell that a module or upper run is compared with, -1 for none.
    """

    kinds: tuple[str, ...]
    branch: str
    shares: Float[np.ndarray, "n k"]
    quality: Rows
    counts: Bool[np.ndarray, " n"]
    cells: Int[np.ndarray, " n"]
    module: Bool[np.ndarray, " n"]
    base: Int[np.ndarray, " n"]

    @cached_property
    def arm(self) -> Int[np.ndarray, " n"]:
        """The kind on the rest of the images; 0 for runs on the full label set alone."""
        weak = self.shares[:, 1:]
        return np.where(weak.any(axis=1), 1 + weak.argmax(axis=1), 0) if weak.shape[1] else np.zeros(len(weak), int)

    @cached_property
    def points(self) -> Int[np.ndarray, " n"]:
        """Number of the distinct allocation that each run measures."""
        return np.unique(np.round(self.shares, 9), axis=0, return_inverse=True)[1].reshape(-1)

    @cached_property
    def low(self) -> Float[np.ndarray, " k"]:
        """The smallest piloted share: of the full label set; 0 for the others, which runs on P alone lack."""
        low = np.zeros(len(self.kinds))
        low[0] = self.shares[self.counts, 0].min()
        return low

    @cached_property
    def high(self) -> Float[np.ndarray, " k"]:
        """The largest piloted share of each kind."""
        return np.asarray(self.shares[self.counts].max(axis=0))


def observe(pilots: Pilots, branch: str, kinds: Sequence[str]) -> Observations:
    """The runs that speak of these kinds on this branch; none, of which there is nothing to learn, is left out of them.

    A baseline whose rest labels train nothing on the branch is a run on the full label set alone, where too few runs
    left the rest without labels (of two shares at least): labels that teach nothing still fill places in the batches.

    Raises:
        InputError: naming the runs that are missing: the full label set alone at two shares, each kind at one.
    """
    kinds = [kind for kind in kinds if kind != NONE]
    columns = {kind: i for i, kind in enumerate(kinds)}
    runs = [p for p in pilots.having(branch) if _rest(p, branch) in (*columns, NONE)]
    shares = np.zeros((len(runs), len(kinds)))
    for row, pilot in enumerate(runs):
        shares[row, 0] = pilot.share
        if (rest := _rest(pilot, branch)) != NONE:
            shares[row, columns[rest]] += 1 - pilot.share
    cells: dict[object, int] = {}
    cell = np.array([cells.setdefault(_cell(p), len(cells)) for p in runs], dtype=np.int64)
    base = [next((int(cell[j]) for j in _bases(runs, p)), -1) for p in runs]
    bare = np.array([_bare(p) for p in runs], dtype=bool)
    alone = bare if len({p.share for p in runs if _bare(p)}) > 1 else [_rest(p, branch) == NONE for p in runs]
    counts = np.array([p.variant != "baseline" for p in runs], dtype=bool) | alone
    quality = np.array([p.quality(branch) for p in runs])
    module = np.array([p.variant == "module" for p in runs], dtype=bool)
    seen = Observations(tuple(kinds), branch, shares, quality, counts, cell, module, np.array(base, dtype=np.int64))
    _check_enough(seen, pilots)
    return seen


def _rest(pilot: Pilot, branch: str) -> str:
    inert = pilot.variant == "baseline" and not trains(pilot.rest, branch)
    return NONE if inert or _bare(pilot) else pilot.rest


def _bare(pilot: Pilot) -> bool:
    return pilot.share >= 1 or pilot.rest in (NONE, pilot.full)


def _cell(pilot: Pilot) -> object:
    return pilot.rest, round(pilot.share, 9), pilot.variant, pilot.module


def _bases(runs: list[Pilot], pilot: Pilot) -> list[int]:
    """Rows of the baselines of a run, the best match first: same labels, then same module, then P alone."""
    if pilot.variant == "baseline":
        return []
    rows = [i for i, run in enumerate(runs) if run.is_base_of(pilot)]
    return sorted(rows, key=lambda i: (not runs[i].same_labels(pilot), runs[i].module != pilot.module))


def _check_enough(seen: Observations, pilots: Pilots) -> None:
    missing = []
    measured = seen.arm[seen.counts]
    alone = np.unique(seen.shares[seen.counts][measured == 0, 0])
    if len(alone) < 2:
        have = f" besides {alone[0]:g}" if len(alone) else ""
        wanted = "another share" if len(alone) else "two shares, such as 0.1 and 0.5"
        missing.append(f"variant baseline, full {seen.kinds[0]}, rest {NONE} at {wanted}{have}")
    for column, kind in enumerate(seen.kinds[1:], 1):
        if not (measured == column).any():
            shares = ", ".join(f"{share:g}" for share in alone) or "0.1, 0.5"
            missing.append(f"variant module, full {seen.kinds[0]}, rest {kind} at shares {shares}")
    if missing:
        wanted = f"runs with PQ over {seen.branch}: {'; '.join(missing)}"
        raise InputError(pilots.name, "rows", wanted, f"{int(seen.counts.sum())} usable runs")
