"""How many pilots a decision needs: the planner's design against even grids and random runs, on known truths.

    python tools/study_design.py --repeats 20 --seed 1   # seven minutes of a quiet core; goes on where it stopped
    python tools/study_design.py --table                 # put the table of the last results into the README

A truth is a quality surface over P, I, B and S with run-to-run noise. `matched` truths have the form of the planner's
power law, `mismatched` ones close a fraction of the gap to saturation with each weak kind, which no family has. Prices
are drawn near what the labels are worth, so that it is not obvious which to buy. After each batch the planner fits what
it has and picks an allocation for each of five budgets (those that buy anything); regret is how many PQ points it gives
away at these, on average. The even grid is the paper's protocol: 50 runs for each of four kinds.

Each fit is judged twice. Within `common` limits every protocol picks among the same allocations, those inside the even
grid's shares, and is measured against the best of them: that tells what its runs taught. Within its `own` limits it
picks inside the shares that it piloted itself, or as near them as the budget allows, as a plan does, and is measured
against the best allocation of all: that also tells how far its pilots reach.
"""

import argparse
import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from readme_tables import rewrite
from revision import commit
from scipy.stats import bootstrap

from cqb_pareto import Pilots, Price, PriceList, first_design, fit_quality, next_pilots
from cqb_pareto.atomic import write_atomically
from cqb_pareto.design import BUDGETS
from cqb_pareto.objectives import ClassWeights
from cqb_pareto.pilots import Pilot
from cqb_pareto.simplex import lattice_within

KINDS = ("P", "I", "B", "S")
GRID = (24, 48, 100, 200)
BATCH, LAST = 16, 100
NOISE = 0.9
WEIGHTS = ClassWeights.of()
LOWEST, HIGHEST = 0.02, 0.98
"""Shares of the even grid, and of a kind within the common limits."""
LIMITS = ("common", "own")
HEAD = "truth,repeat,protocol,runs,limits,regret,seed,commit\n"
RESULTS = Path(__file__).parents[1] / "packages/cqb-pareto/results/design-study.csv"


@dataclass(frozen=True)
class Truth:
    """PQ of things and stuff as functions of shares, in points, and what the labels cost."""

    matched: bool
    prices: PriceList
    top: np.ndarray
    tau: np.ndarray
    gamma: np.ndarray
    worth: np.ndarray

    @classmethod
    def draw(cls, matched: bool, rng: np.random.Generator) -> "Truth":
        """Tops and curvatures near the paper's; I, B and S are worth up to 0.15, 0.5 and 0.8 of a full label."""
        worth = np.ones((2, len(KINDS)))
        worth[:, 1:] = rng.uniform((0.02, 0.05, 0.1), (0.15, 0.5, 0.8), size=(2, 3))
        cost = WEIGHTS.things * worth[0] + WEIGHTS.stuff * worth[1]
        cost[1:] *= np.exp(rng.normal(-0.3, 0.5, 3))
        listed = {kind: Price.per_image(kind, 1000 * c, "drawn", 2026) for kind, c in zip(KINDS, cost, strict=True)}
        prices = PriceList("drawn", listed)
        return cls(
            matched, prices, rng.uniform((45, 28), (58, 42)), rng.uniform(0.01, 0.1, 2), rng.uniform(0.5, 1.2, 2), worth
        )

    def branches(self, shares: np.ndarray) -> np.ndarray:
        """2 x r: things, stuff."""
        if self.matched:
            u = self.worth @ shares.T
            return self.top[:, None] * (1 - (1 + u / self.tau[:, None]) ** -self.gamma[:, None])
        alone = 1 - (1 + shares[:, 0] / self.tau[:, None]) ** -self.gamma[:, None]
        closed = 1 - np.prod(1 - self.worth[:, None, 1:] * (1 - np.exp(-4 * shares[:, 1:])), axis=2)
        return self.top[:, None] * (alone + (1 - alone) * closed)

    def pq(self, shares: np.ndarray) -> np.ndarray:
        """PQ over all classes."""
        return np.array([WEIGHTS.things, WEIGHTS.stuff]) @ self.branches(shares)


class Bench:
    """Runs pilots on a truth, and judges decisions."""

    def __init__(self, truth: Truth, rng: np.random.Generator) -> None:
        self.truth, self.rng = truth, rng
        coarse = lattice_within(4, 15_000)
        cheap = 0.15 * coarse + 0.85 * np.eye(4)[int(np.argmin(truth.prices.relative(KINDS)))]
        self.shares = np.concatenate([coarse, cheap])
        self.cost = self.shares @ truth.prices.relative(KINDS)
        self.pq = truth.pq(self.shares)
        self.common = (self.shares[:, 0] >= LOWEST) & (self.shares <= HIGHEST).all(axis=1)

    def run(self, rest: str, share: float, seed: int) -> Pilot:
        """One pilot."""
        labels = np.zeros((1, 4))
        labels[0, 0] = share
        if rest != "none":
            labels[0, KINDS.index(rest)] += 1 - share
        things, stuff = self.truth.branches(labels)[:, 0] + NOISE * self.rng.standard_normal(2)
        nan = dict.fromkeys(("pq", "sq", "rq", "sq_th", "rq_th", "sq_st", "rq_st"), np.nan)
        qualities = {**nan, "pq_th": float(np.clip(things, 0.1, 100)), "pq_st": float(np.clip(stuff, 0.1, 100))}
        variant = "baseline" if rest == "none" else "module"
        return Pilot("", "P", rest, share, variant, "", seed, 0, qualities, 0)

    def regret(self, runs: list[Pilot]) -> "Regret":
        """PQ points lost within each of the `LIMITS`, averaged over the budgets."""
        model = fit_quality(Pilots("study", tuple(runs)), KINDS, WEIGHTS, draws=2)
        predicted, beyond = model.predict(self.shares), np.round(model.beyond(self.shares), 2)
        lost: dict[str, list[float]] = {limits: [] for limits in LIMITS}
        for budget in BUDGETS:
            fits = np.flatnonzero(self.cost <= budget)
            shared = fits[self.common[fits]]
            if len(shared):
                lost["common"].append(self.pq[shared].max() - self.pq[shared[np.argmax(predicted[shared])]])
            if len(fits):
                inside = fits[beyond[fits] == beyond[fits].min()]
                lost["own"].append(self.pq[fits].max() - self.pq[inside[np.argmax(predicted[inside])]])
        return {limits: float(np.mean(values)) for limits, values in lost.items()}


Regret = dict[str, float]
"""PQ points lost by the limits within which the choice was made."""


def designed(bench: Bench, seed: int) -> dict[int, Regret]:
    """Regret after each batch of the planner's design."""
    runs = [bench.run(p.rest, p.share, p.seed) for p in first_design(KINDS, bench.truth.prices, 12, WEIGHTS, seed=seed)]
    regrets = {len(runs): bench.regret(runs)}
    while len(runs) + BATCH <= LAST:
        chosen = next_pilots(
            Pilots("study", tuple(runs)), bench.truth.prices, BATCH, KINDS, WEIGHTS, draws=100, seed=len(runs)
        )
        runs += [bench.run(p.rest, p.share, p.seed) for p in chosen]
        regrets[len(runs)] = bench.regret(runs)
    return regrets


def even(bench: Bench) -> dict[int, Regret]:
    """Regret of even grids over the shares, equally many runs for each kind."""
    regrets = {}
    for size in GRID:
        shares = np.linspace(LOWEST, HIGHEST, size // 4)
        runs = [bench.run(rest, float(share), 0) for rest in ("none", *KINDS[1:]) for share in shares]
        regrets[size] = bench.regret(runs)
    return regrets


def by_chance(bench: Bench) -> dict[int, Regret]:
    """Regret of runs at random kinds and shares, after what every fit needs."""
    runs = [bench.run(rest, share, 0) for rest, share in (("none", 0.1), ("none", 0.5), *((k, 0.1) for k in KINDS[1:]))]
    regrets = {}
    while len(runs) < LAST:
        rest = ("none", *KINDS[1:])[bench.rng.integers(4)]
        runs.append(bench.run(rest, float(bench.rng.uniform(LOWEST, HIGHEST)), len(runs)))
        if len(runs) in (28, 52, 100):
            regrets[len(runs)] = bench.regret([replace(run, seed=i) for i, run in enumerate(runs)])
    return regrets


def measured(path: Path) -> set[tuple[str, int]]:
    """Truths and repeats whose rows stand in the results; none in a file without seed and commit: it is begun anew."""
    if not path.exists() or not path.read_text("utf-8").startswith(HEAD):
        return set()
    return {(row["truth"], int(row["repeat"])) for row in csv.DictReader(path.read_text("utf-8").splitlines())}


def repeat_rows(name: str, repeat: int, seed: int) -> list[list[object]]:
    """All protocols on one truth."""
    streams = np.random.default_rng([seed, repeat, name == "matched"]).spawn(4)
    truth = Truth.draw(name == "matched", streams[0])
    done = {
        "designed": designed(Bench(truth, streams[1]), repeat),
        "even": even(Bench(truth, streams[2])),
        "random": by_chance(Bench(truth, streams[3])),
    }
    return [
        [name, repeat, protocol, runs, limits, f"{regret[limits]:.5f}", seed, commit()]
        for protocol, regrets in done.items()
        for runs, regret in regrets.items()
        for limits in LIMITS
    ]


Results = dict[tuple[str, str, str], dict[int, dict[int, float]]]
"""By limits, truth and protocol, and then by runs and by repeat: regret."""


def results(path: Path) -> Results:
    """The rows of a study."""
    found: Results = {}
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    for row in sorted(rows, key=lambda row: LIMITS.index(row["limits"])):
        by_runs = found.setdefault((row["limits"], row["truth"], row["protocol"]), {})
        by_runs.setdefault(int(row["runs"]), {})[int(row["repeat"])] = float(row["regret"])
    return found


def table(path: Path) -> str:
    """Median regret by limits, truth, protocol and number of runs, and what the design needs to equal the even grid."""
    found = results(path)
    lines = ["| limits | truths | protocol | median regret in PQ points after (runs) |", "| --- | --- | --- | --- |"]
    for (limits, truth, protocol), by_runs in found.items():
        cells = ", ".join(f"{median(by_repeat):.3f} ({runs})" for runs, by_repeat in by_runs.items())
        lines.append(f"| {limits} | {truth} | {protocol} | {cells} |")
    for limits, truth in dict.fromkeys((limits, truth) for limits, truth, _ in found):
        lines += ["", verdict(limits, truth, found)]
    return "\n".join(lines)


def verdict(limits: str, truth: str, found: Results) -> str:
    """How many designed runs have the median regret of the whole even grid, and how far the most are from it."""
    grid, designs = found[limits, truth, "even"][GRID[-1]], found[limits, truth, "designed"]
    enough = [runs for runs, by_repeat in designs.items() if median(by_repeat) <= median(grid)]
    most = max(designs)
    more = np.array([designs[most][repeat] - grid[repeat] for repeat in sorted(grid)])
    low, high = bootstrap((more,), np.mean, rng=0).confidence_interval
    reached = (
        f"{enough[0]} designed runs reach it" if enough else "no number of designed runs that was tried reaches it"
    )
    return (
        f"{limits} limits, {truth}, {len(grid)} repeats: {GRID[-1]} even runs have a median regret of "
        f"{median(grid):.3f}; {reached}. After {most} the regret is {more.mean():+.3f} from theirs on average "
        f"(95 % interval {low:+.3f} to {high:+.3f})."
    )


def median(by_repeat: dict[int, float]) -> float:
    """Over the repeats."""
    return float(np.median(list(by_repeat.values())))


def main() -> None:
    """Append the rows of each truth and repeat that is not there yet; a stopped study goes on where it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="put the table of the last results into the README")
    options = parser.parse_args()
    if options.table:
        readme = RESULTS.parents[1] / "README.md"
        rewrite(readme, lambda name: table(options.out) + "\n" if name == "design" else None)
        return
    there = measured(options.out)
    rows = options.out.read_text("utf-8") if there else HEAD
    for repeat in range(options.repeats):
        for name in ("matched", "mismatched"):
            if (name, repeat) in there:
                continue
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(repeat_rows(name, repeat, options.seed))
            rows += text.getvalue()
            write_atomically(options.out, rows)
            print(text.getvalue(), flush=True)


if __name__ == "__main__":
    main()
