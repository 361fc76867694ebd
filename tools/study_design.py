"""How many pilots a decision needs: the planner's design against even grids and random runs, on known truths.

    python tools/study_design.py --repeats 20 --seed 0

A truth is a quality surface over P, I, B and S with run-to-run noise. `matched` truths have the form of the planner's
power law, `mismatched` ones close a fraction of the gap to saturation with each weak kind, which no family has. Prices
are drawn near what the labels are worth, so that it is not obvious which to buy. After each batch the planner fits what
it has and picks an allocation for each of five budgets (those that buy anything); regret is how many PQ points the
truth gives away at these, on average. The even grid is the paper's protocol: 50 runs for each of four kinds.
"""

import argparse
import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

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

    def regret(self, runs: list[Pilot]) -> float:
        """PQ points lost, averaged over the budgets."""
        predicted = fit_quality(Pilots("study", tuple(runs)), KINDS, WEIGHTS, draws=2).predict(self.shares)
        lost = []
        for budget in BUDGETS:
            fits = np.flatnonzero(self.cost <= budget)
            if not len(fits):
                continue
            lost.append(self.pq[fits].max() - self.pq[fits[np.argmax(predicted[fits])]])
        return float(np.mean(lost))


def designed(bench: Bench, seed: int) -> dict[int, float]:
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


def even(bench: Bench) -> dict[int, float]:
    """Regret of even grids over the shares, equally many runs for each kind."""
    regrets = {}
    for size in GRID:
        shares = np.linspace(0.02, 0.98, size // 4)
        runs = [bench.run(rest, float(share), 0) for rest in ("none", *KINDS[1:]) for share in shares]
        regrets[size] = bench.regret(runs)
    return regrets


def by_chance(bench: Bench) -> dict[int, float]:
    """Regret of runs at random kinds and shares, after what every fit needs."""
    runs = [bench.run(rest, share, 0) for rest, share in (("none", 0.1), ("none", 0.5), *((k, 0.1) for k in KINDS[1:]))]
    regrets = {}
    while len(runs) < LAST:
        rest = ("none", *KINDS[1:])[bench.rng.integers(4)]
        runs.append(bench.run(rest, float(bench.rng.uniform(0.02, 0.98)), len(runs)))
        if len(runs) in (28, 52, 100):
            regrets[len(runs)] = bench.regret([replace(run, seed=i) for i, run in enumerate(runs)])
    return regrets


def main() -> None:
    """Write one row per truth, repeat, protocol and number of runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["truth", "repeat", "protocol", "runs", "regret"])
    for name in ("matched", "mismatched"):
        for repeat in range(options.repeats):
            streams = np.random.default_rng([options.seed, repeat, name == "matched"]).spawn(4)
            truth = Truth.draw(name == "matched", streams[0])
            done = {
                "designed": designed(Bench(truth, streams[1]), repeat),
                "even": even(Bench(truth, streams[2])),
                "random": by_chance(Bench(truth, streams[3])),
            }
            for protocol, regrets in done.items():
                for runs, regret in regrets.items():
                    table.writerow([name, repeat, protocol, runs, f"{regret:.5f}"])
            print(name, repeat, {p: {k: round(v, 3) for k, v in r.items()} for p, r in done.items()}, flush=True)
    write_atomically(options.out, text.getvalue())


if __name__ == "__main__":
    main()
