"""The paper's claims, tried on a data set: Table 2, plan against chance, Table 1's allocations, cost to match.

    hatch run python tools/claims.py run scenes --data ROOT --out DIR     # goes on where it was stopped
    hatch run python tools/claims.py record scenes --out DIR              # what is done so far, into cqb-net's results/
    hatch run python tools/claims.py tables                               # from there into cqb-net's README

`run` trains three things: the comparisons of Table 2; pilots besides them, of labels or shares that it lacks, so that
both tell what to plan; and allocations whole (planned at several budgets, random and all-panoptic ones of the same
cost, the paper's). Every training of a data set has the same config, batch, schedule and number of iterations. A new
folder takes up what is recorded, as far as data, config, labels, modules and seed are the same, so that the trainings
may be spread over machines and days.
"""

import argparse
import csv
import shutil
from pathlib import Path

import numpy as np
from claim_tables import made, rows
from command_line import verbs
from readme_tables import rewrite
from settings import PACKAGE, SETTINGS, Setting

import cqb_pareto
from cqb_core import Labels
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.files import replacing
from cqb_net.pilots import LocalProcesses, run_pilots
from cqb_net.pilots.design import crossed
from cqb_net.pilots.local import gpus_here
from cqb_net.pilots.pilot import Recipe
from cqb_net.study import Trial, all_full, mixed_to_cost, run_trials
from cqb_net.worklist import plan_allocation
from cqb_pareto.objectives import ClassWeights
from cqb_pareto.paper import KINDS, table1

FULL = {Labels.PANOPTIC: 1.0}
PRICES = "paper-text"


RECORDED = {
    "table2-pilots": "table2/pilots.csv",
    "table2-runs": "table2/runs.csv",
    "trials": "trials/trials.csv",
}
"""What is committed of a data set's trainings: name, and file in the folder of the trainings."""


def main() -> None:
    """Run, record or tabulate."""
    parser, parts = verbs(__doc__, SETTINGS)
    parts["run"].add_argument("--only", default="table2,beside,trials", help="some of these, in this order")
    parts["run"].add_argument("--seeds", type=int, help="the first so many seeds of Table 2; all by default")
    arguments = parser.parse_args()
    if arguments.verb == "run":
        run(arguments)
    elif arguments.verb == "record":
        record(arguments.name, arguments.out)
    else:
        rewrite(PACKAGE / "README.md", made)


def run(arguments: argparse.Namespace) -> None:
    """Train what is missing."""
    setting, data, out = SETTINGS[arguments.name], arguments.data, arguments.out
    executor = LocalProcesses(arguments.workers, gpus_here())
    for part in arguments.only.split(","):
        recorded = PACKAGE / "results" / f"{arguments.name}-{'trials' if part == 'trials' else 'table2-runs'}.csv"
        reuse = [recorded] if recorded.exists() else []
        if part == "table2":
            run_pilots(
                data,
                setting.config,
                out / part,
                shares=setting.shares,
                seeds=arguments.seeds or setting.seeds,
                epochs=setting.epochs,
                options=setting.options,
                executor=executor,
                reuse=reuse,
            )
        elif part == "beside":
            run_pilots(
                data,
                setting.config,
                out / "table2",
                design=crossed(setting.beside, setting.plan_seeds),
                epochs=setting.epochs,
                options=setting.options,
                executor=executor,
                reuse=reuse,
            )
        elif part == "trials":
            recipe = Recipe.of(setting.config, setting.epochs, setting.options)
            prices = cqb_pareto.named_prices(PRICES)
            run_trials(trials(setting, data, out), data, recipe, out / part, executor, prices, reuse=reuse)
        else:
            raise SystemExit(f"--only: wanted table2, beside, trials, got {part}")


def pilots_to_plan_from(setting: Setting, table: Path, kept: Path) -> Path:
    """Write the rows of the first seeds to a table of their own, so that more seeds do not change the plans."""
    chosen = [row for row in rows(table) if int(row["seed"]) < setting.plan_seeds]
    if not chosen:
        raise SystemExit(f"{table}: no pilots yet; run --only table2 first")
    with replacing(kept) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(chosen[0]))
        writer.writeheader()
        writer.writerows(chosen)
    return kept


def trials(setting: Setting, data: Path, out: Path) -> list[Trial]:
    """The allocations to train on: first those that are compared with each other, seed by seed, then the paper's."""
    index = read_split(find_split(data, "train"))
    prices, rng = cqb_pareto.named_prices(PRICES), np.random.default_rng(0)
    pilots = cqb_pareto.read_pilots(pilots_to_plan_from(setting, out / "table2" / "pilots.csv", out / "pilots.csv"))
    chosen: dict[str, dict[Labels, float]] = {"full": FULL}
    for budget in setting.budgets:
        plan = cqb_pareto.study(
            pilots,
            prices,
            budget=budget,
            images=len(index.entries),
            weights=ClassWeights.of(index.taxonomy.num_things, index.taxonomy.num_stuff),
        ).plan
        chosen[f"planned {budget:g}"] = plan_allocation(plan, "plan")
    # The rivals may spend all of the budget; of the plan, which stays within it, they do not depend.
    chosen[f"all panoptic {setting.budget:g}"] = all_full(setting.budget, prices)
    kinds = [Labels.parse(kind) for kind in KINDS]
    rivals = list(dict.fromkeys([*kinds, *(kind for kind in map(Labels.parse, setting.beside) if kind)]))
    for number in range(1, setting.rivals + 1):
        chosen[f"random {number}"] = mixed_to_cost(rivals, setting.budget, prices, rng)
    printed, theirs = dict[str, dict[Labels, float]](), table1()
    for name, shares in zip(theirs.names, theirs.shares, strict=True):
        shares = shares / shares.sum()
        printed[f"paper {name}"] = {kind: float(share) for kind, share in zip(kinds, shares, strict=True)}
    ours = [Trial(name, shares, seed) for seed in range(setting.trial_seeds) for name, shares in chosen.items()]
    return ours + [Trial(name, shares, seed) for seed in range(setting.paper_seeds) for name, shares in printed.items()]


def record(name: str, out: Path) -> None:
    """Copy the CSVs of what is done."""
    (PACKAGE / "results").mkdir(exist_ok=True)
    for kept, file in RECORDED.items():
        if (out / file).exists():
            target = PACKAGE / "results" / f"{name}-{kept}.csv"
            with replacing(target) as temporary:
                shutil.copyfile(out / file, temporary)
            print(target.relative_to(PACKAGE))


if __name__ == "__main__":
    main()
