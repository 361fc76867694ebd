"""The tables of cqb-net's README that tell what `claims.py` recorded, each by a function from the data set's name."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from readme_tables import markdown
from scipy.stats import spearmanr, ttest_rel
from settings import PACKAGE, SETTINGS

import cqb_pareto
from cqb_net.pilots.comparison import HEAD, Comparison, compare
from cqb_net.pilots.comparison import lines as table2_lines
from cqb_pareto.paper import table1


def made(table: str) -> str | None:
    """The Markdown of `SET-table2`, `-fresh`, `-chance`, `-match`, `-paper`; None for another, or no CSV."""
    name, _, what = table.rpartition("-")
    makers: dict[str, Callable[[str], tuple[list[str], list[list[str]]] | None]] = {
        "table2": table2,
        "fresh": fresh,
        "chance": chance,
        "match": match,
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
    found = results(f"{name}-trials")
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
    """PQ at every budget, as a share of the PQ with all labels on the same seeds."""
    trials = results(f"{name}-trials")
    found = {trial: each for trial, each in trials.items() if trial.startswith("planned")}
    if "full" not in trials or not found:
        return None
    found["full"] = trials["full"]
    lines = []
    for trial, each in found.items():
        both = [(pq, trials["full"].pq[seed]) for seed, pq in each.pq.items() if seed in trials["full"].pq]
        share = f"{sum(pq for pq, _ in both) / sum(whole for _, whole in both):.1%}" if both else ""
        cells = [each.cost, *spread(each.pq), share, f"{1 / float(each.cost):.1f}"]
        lines.append([trial, each.allocation, *cells])
    return ["labels", "shares", "cost", "PQ", "seeds: from to", "of full labels' PQ", "times cheaper"], lines


def paper(name: str) -> tuple[list[str], list[list[str]]] | None:
    """The paper's allocations: its PQ on COCO and ours, with the rank correlation."""
    found, theirs = results(f"{name}-trials"), table1()
    known = [(i, f"paper {row}") for i, row in enumerate(theirs.names) if f"paper {row}" in found]
    if len(known) < 3:
        return None
    lines = [
        [theirs.names[i], found[trial].allocation, found[trial].cost, f"{theirs.pq[i]:.1f}", *spread(found[trial].pq)]
        for i, trial in known
    ]
    for title, letters in (("rank correlation", "OR"), ("of O alone", "O"), ("of R alone", "R")):
        some = [(theirs.pq[i], mean(found[trial].pq.values())) for i, trial in known if theirs.names[i][0] in letters]
        if len(some) > 2:
            rank = spearmanr(*zip(*some, strict=True))
            lines.append([title, "", "", "", f"{rank.statistic:.2f}", f"p {rank.pvalue:.2g}"])
    return ["allocation", "shares", "cost", "PQ on COCO (paper)", "PQ here", "seeds: from to"], lines


@dataclass
class Found:
    """What an allocation came to: its shares and cost as the CSV has them, and PQ by seed."""

    allocation: str
    cost: str
    pq: dict[str, float]


def results(file: str) -> dict[str, Found]:
    """Allocations by name, in the order of the CSV."""
    found: dict[str, Found] = {}
    for row in rows(PACKAGE / "results" / f"{file}.csv"):
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
