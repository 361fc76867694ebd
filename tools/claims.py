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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np
from command_line import verbs
from readme_tables import markdown, rewrite
from scipy.stats import spearmanr, ttest_rel
from settings import PACKAGE, SETTINGS, Setting

import cqb_pareto
from cqb_core import Labels
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.files import replacing
from cqb_net.pilots import LocalProcesses, run_pilots
from cqb_net.pilots.comparison import HEAD, Comparison, compare
from cqb_net.pilots.comparison import lines as table2_lines
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


def made(table: str) -> str | None:
    """The Markdown of `SET-table2`, `-fresh`, `-chance`, `-match`, `-sets`, `-paper`; None for another, or no CSV."""
    name, _, what = table.rpartition("-")
    makers: dict[str, Callable[[str], tuple[list[str], list[list[str]]] | None]] = {
        "table2": table2,
        "fresh": fresh,
        "chance": chance,
        "match": match,
        "sets": by_set,
        "paper": paper,
    }
    shown = makers[what](name) if what in makers and name in SETTINGS else None
    return None if shown is None else markdown(*shown)


def table2(name: str) -> tuple[list[str], list[list[str]]] | None:
    """Table 2."""
    path = PACKAGE / "results" / f"{name}-table2-pilots.csv"
    return (list(HEAD), table2_lines(compare(cqb_pareto.read_pilots(path)))) if path.exists() else None


CHOSEN_ON = {
    "scenes": {
        "Cls2Box": {(0.1, 0), (0.1, 1), (0.3, 0)},
        "Cls2Pixel": {(0.1, 0), (0.1, 1)},
        "Relation th->st": {(0.1, 0), (0.1, 1)},
    }
}
"""Shares and seeds on which `study_modules.py` chose between forms of a module."""


def fresh(name: str) -> tuple[list[str], list[list[str]]] | None:
    """The gain of each module over the shares and seeds that had no part in choosing its form."""
    path, chosen = PACKAGE / "results" / f"{name}-table2-pilots.csv", CHOSEN_ON.get(name, {})
    if not path.exists() or not chosen:
        return None
    lines = []
    for each in compare(cqb_pareto.read_pilots(path)):
        out = chosen.get(each.row.name, set())
        found = {
            variant: {cell: value for cell, value in values.items() if cell not in out}
            for variant, values in each.found.items()
        }
        test = Comparison(each.row, found).test("module", "baseline")
        if test is not None:
            p = "" if test.p is None else f"{test.p:.2g}"
            lines.append([each.row.name, str(len(out)), str(test.pairs), f"{test.difference:+.1f}", p])
    return ["module", "pairs it was chosen on", "others", "gain", "p"], lines


def chance(name: str) -> tuple[list[str], list[list[str]]] | None:
    """The planned allocation beside others of the same cost."""
    found = results(name)
    planned = f"planned {SETTINGS[name].budget:g}"
    if planned not in found:
        return None
    rivals = [trial for trial in found if trial.startswith(("all panoptic", "random"))]
    lines = []
    for trial in [planned, *rivals]:
        pq = found[trial].pq
        pairs = [(found[planned].pq[seed], pq[seed]) for seed in found[planned].pq if seed in pq]
        p = f"{ttest_rel(*zip(*pairs, strict=True), alternative='greater').pvalue:.2g}" if len(pairs) > 1 else ""
        ahead = mean(ours - theirs for ours, theirs in pairs)
        gap = ["", ""] if trial == planned else [f"{ahead:+.1f}", p]
        lines.append([trial, found[trial].allocation, found[trial].cost, *spread(pq), *gap])
    return ["labels", "shares", "cost", "PQ", "seeds: from to", "plan is ahead by", "p"], lines


def match(name: str) -> tuple[list[str], list[list[str]]] | None:
    """PQ at every budget, as a share of the PQ with all labels."""
    found = results(name)
    return beside_full(found, found)


def by_set(name: str) -> tuple[list[str], list[list[str]]] | None:
    """The same of plans of before, whose responses took each label set for something of its own."""
    found = results(name)
    return beside_full(results(name, "{}-trials-by-set"), found)


def beside_full(planned: "dict[str, Found]", trials: "dict[str, Found]") -> tuple[list[str], list[list[str]]] | None:
    """Planned allocations beside all labels on the same seeds."""
    if "full" not in trials or not planned:
        return None
    found = {trial: each for trial, each in planned.items() if trial.startswith("planned")}
    seeds = {seed for each in found.values() for seed in each.pq}
    found["full"] = replace(trials["full"], pq={s: pq for s, pq in trials["full"].pq.items() if s in seeds})
    whole = mean(found["full"].pq.values())
    lines = []
    for trial in found:
        share = mean(found[trial].pq.values()) / whole
        saved = 1 / float(found[trial].cost)
        cells = [found[trial].cost, *spread(found[trial].pq), f"{share:.1%}", f"{saved:.1f}"]
        lines.append([trial, found[trial].allocation, *cells])
    return ["labels", "shares", "cost", "PQ", "seeds: from to", "of full labels' PQ", "times cheaper"], lines


def paper(name: str) -> tuple[list[str], list[list[str]]] | None:
    """The paper's allocations: its PQ on COCO and ours, with the rank correlation."""
    found, theirs = results(name), table1()
    known = [(i, f"paper {row}") for i, row in enumerate(theirs.names) if f"paper {row}" in found]
    if len(known) < 3:
        return None
    ours = [mean(found[trial].pq.values()) for _, trial in known]
    rank = spearmanr([theirs.pq[i] for i, _ in known], ours)
    lines = [
        [theirs.names[i], found[trial].allocation, found[trial].cost, f"{theirs.pq[i]:.1f}", *spread(found[trial].pq)]
        for i, trial in known
    ]
    lines.append(["rank correlation", "", "", "", f"{rank.statistic:.2f}", f"p {rank.pvalue:.2g}"])
    return ["allocation", "shares", "cost", "PQ on COCO (paper)", "PQ here", "seeds: from to"], lines


@dataclass
class Found:
    """What an allocation came to: its shares and cost as the CSV has them, and PQ by seed."""

    allocation: str
    cost: str
    pq: dict[str, float]


def results(name: str, file: str = "{}-trials") -> dict[str, Found]:
    """Allocations by name, in the order of the CSV."""
    found: dict[str, Found] = {}
    for row in rows(PACKAGE / "results" / f"{file.format(name)}.csv"):
        one = found.setdefault(row["trial"], Found(row["allocation"], row["cost"], {}))
        one.pq[row["seed"]] = float(row["pq"])
    return found


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Of a CSV; none where there is no file."""
    if path.exists():
        with path.open(newline="") as file:
            yield from csv.DictReader(file)


def spread(pq: dict[str, float]) -> list[str]:
    """Mean, and from where to where."""
    return [f"{mean(pq.values()):.1f}", f"{min(pq.values()):.1f} to {max(pq.values()):.1f}"]


if __name__ == "__main__":
    main()
