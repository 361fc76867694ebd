"""Hypervolume that each built-in solver reaches at the same number of evaluations.

    python tools/pareto_solvers.py --seeds 5

Quality is each response family fitted to the paper's Table 2; prices are the paper's two lists; kinds are P, I, B, S,
without and with B+S. The hypervolume is that of everything evaluated, with reference cost 1 and PQ 0.
"""

import argparse
import csv
import io
from pathlib import Path

from cqb_pareto import Objectives, fit_quality, hypervolume, named_prices, paper_pilots, solve
from cqb_pareto.atomic import write_atomically
from cqb_pareto.prices import NAMED
from cqb_pareto.responses import FAMILIES
from cqb_pareto.solvers import METHODS, PAPER_SAMPLES

RESULTS = Path(__file__).parents[1] / "packages/cqb-pareto/results/solvers.csv"
KINDS = ("P", "I", "B", "S")


def main() -> None:
    """Write one row per prices, kinds, family, evaluations, solver and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["prices", "kinds", "family", "evaluations", "solver", "seed", "hypervolume", "front"])
    for prices in NAMED:
        for kinds in (KINDS, (*KINDS, "B+S")):
            for family in FAMILIES:
                objectives = Objectives.of(
                    fit_quality(paper_pilots(), kinds, draws=2, family=family), named_prices(prices)
                )
                for evaluations in (1000, PAPER_SAMPLES):
                    for solver in METHODS:
                        for seed in range(1 if solver == "lattice" else options.seeds):
                            found = solve(objectives, None, solver, evaluations, seed)
                            area = hypervolume(found.cost, found.quality, 1.0, 0.0)
                            row = [prices, " ".join(kinds), family, evaluations, solver, seed, f"{area:.5f}"]
                            table.writerow([*row, len(found.front)])
                print(prices, kinds, family, flush=True)
    write_atomically(options.out, text.getvalue())


if __name__ == "__main__":
    main()
