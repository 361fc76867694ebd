"""Hypervolume that each built-in solver reaches at the same number of evaluations.

    python tools/pareto_solvers.py --seeds 5          # about six minutes on one core
    python tools/pareto_solvers.py --table            # the README's table from the last results

Problems are four response families fitted to the paper's Table 2 under both of the paper's price lists (2, 4 and 5
kinds, and 4 within bounds), and two drawn ones with 8 kinds, free and within bounds. The hypervolume is that of
everything evaluated, with reference cost 1 and PQ 0. The lattice does not depend on a seed.
"""

import argparse
import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from readme_tables import rewrite

from cqb_pareto import (
    Bounds,
    ClassWeights,
    Objectives,
    QualityModel,
    fit_quality,
    hypervolume,
    named_prices,
    paper_pilots,
    solve,
)
from cqb_pareto.atomic import write_atomically
from cqb_pareto.prices import NAMED
from cqb_pareto.responses import BranchResponse
from cqb_pareto.responses.effective import EffectiveShare
from cqb_pareto.solvers import METHODS

PACKAGE = Path(__file__).parents[1] / "packages/cqb-pareto"
RESULTS = PACKAGE / "results/solvers.csv"
KINDS = ("P", "I", "B", "S")
EIGHT = tuple("ABCDEFGH")
FITTED = ("power", "log", "log-additive", "cubic")
SIZES = (600, 2000, 7500)
HEADER = ["problem", "evaluations", "solver", "seed", "hypervolume", "front"]
GROUPS = ("P B", "P I B S", "P I B S B+S", "P I B S within bounds", "8 kinds", "8 kinds within bounds")


def problems() -> Iterator[tuple[str, str, Objectives, Bounds]]:
    """Group, name, objectives and bounds."""
    tight = Bounds.of(KINDS, {"P": 0.05, "S": 0.02}, {"I": 0.5, "B": 0.4})
    for listed in NAMED:
        for kinds in (("P", "B"), KINDS, (*KINDS, "B+S")):
            for family in FITTED:
                quality = fit_quality(paper_pilots(), kinds, draws=2, family=family)
                objectives, name = Objectives.of(quality, named_prices(listed)), f"{listed}, {family}"
                yield " ".join(kinds), name, objectives, Bounds.of(kinds)
                if kinds == KINDS:
                    yield "P I B S within bounds", name, objectives, tight
    for seed in range(2):
        eight = drawn(np.random.default_rng(seed))
        yield "8 kinds", f"drawn, {seed}", eight, Bounds.of(EIGHT)
        most = dict.fromkeys(EIGHT[1:], 0.3)
        yield "8 kinds within bounds", f"drawn, {seed}", eight, Bounds.of(EIGHT, {"A": 0.05}, most)


def drawn(rng: np.random.Generator) -> Objectives:
    """Power laws of 8 kinds whose worth and price are drawn independently."""
    branches = {}
    for name, top in (("things", 50.0), ("stuff", 33.0)):
        curve = (np.log(top), rng.normal(-3.0, 0.5), rng.normal(0.0, 0.3))
        response = EffectiveShare(True, np.array([[*curve, *np.log(rng.uniform(0.02, 0.9, len(EIGHT) - 1))]]))
        ends = np.zeros(len(EIGHT)), np.ones(len(EIGHT))
        branches[name] = BranchResponse(EIGHT, *ends, response, response, np.zeros(1), np.zeros(1), 0.5, ())
    prices = np.append(1.0, np.exp(rng.uniform(np.log(0.01), np.log(0.8), len(EIGHT) - 1)))
    return Objectives(QualityModel(EIGHT, ClassWeights.of(), branches), prices, np.zeros(len(EIGHT)))


def measure(seeds: int, solvers: Sequence[str]) -> list[list[object]]:
    """One row per problem, evaluations, solver and seed."""
    rows: list[list[object]] = []
    for group, name, objectives, bounds in problems():
        for size in SIZES:
            for solver in solvers:
                for seed in range(1 if solver == "lattice" else seeds):
                    found = solve(objectives, bounds, solver, size, seed)
                    area = hypervolume(found.cost, found.quality, 1.0, 0.0)
                    rows.append([f"{group}: {name}", size, solver, seed, f"{area:.5f}", len(found.front)])
        print(group, name, flush=True)
    return rows


def _others(path: Path, solver: str | None) -> list[list[str]]:
    """Rows of the last results that another solver made; none when all are measured."""
    if solver is None:
        return []
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))[1:]
    return [row for row in rows if row[HEADER.index("solver")] != solver]


def table(path: Path) -> str:
    """Mean hypervolume by group of problems, and in how many comparisons `direct` is not below each other solver."""
    area: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        area[row["problem"], int(row["evaluations"]), row["solver"]].append(float(row["hypervolume"]))
    lines = ["| kinds | evaluations | " + " | ".join(METHODS) + " |", "| --- " * (len(METHODS) + 2) + "|"]
    for group in GROUPS:
        names = {name for name, _, _ in area if name.startswith(f"{group}: ")}
        for size in SIZES:
            means = [float(np.mean([np.mean(area[name, size, solver]) for name in names])) for solver in METHODS]
            lines.append(f"| {group} | {size} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return "\n".join([*lines, "", _verdict(area)])


def _verdict(area: dict[tuple[str, int, str], list[float]]) -> str:
    """The worst seed of `direct` against the best seed of every other solver."""
    pairs = [
        (min(area[name, size, "direct"]), max(values))
        for (name, size, solver), values in area.items()
        if solver != "direct"
    ]
    good = sum(direct >= other for direct, other in pairs)
    nearest = min(direct - other for direct, other in pairs)
    return (
        f"The worst seed of `direct` is at least the best seed of the other solver in {good} of {len(pairs)} "
        f"comparisons (smallest lead {nearest:.5f} PQ x cost)."
    )


def main() -> None:
    """Measure, or put the table of the last results into the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--solver", choices=tuple(METHODS), help="measure this one again and keep the others' rows")
    parser.add_argument("--table", action="store_true", help="write the README's table instead")
    options = parser.parse_args()
    if options.table:
        rewrite(PACKAGE / "README.md", lambda name: table(options.out) + "\n" if name == "solvers" else None)
        return
    text = io.StringIO()
    rows = measure(options.seeds, (options.solver,) if options.solver else tuple(METHODS))
    csv.writer(text, lineterminator="\n").writerows([HEADER, *_others(options.out, options.solver), *rows])
    write_atomically(options.out, text.getvalue())


if __name__ == "__main__":
    main()
