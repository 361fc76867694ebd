"""The table of results: one row for each method, share and seed of a task."""

from collections.abc import Mapping
from functools import cache

from cqb_bench.entries import Entry
from cqb_net.pilots.report import Report
from cqb_pareto import PriceList, named_prices

MEASURED = ("box_ap", "mask_ap", "miou", "pq", "pq_th", "pq_st")
"""Qualities in points, from 0 to 100, blank where there is none."""

COPIED = (*MEASURED, "images", "iterations", "config", "options", "commit", "fingerprint")
"""Columns that `runs.csv` has, too."""

COLUMNS = ("run", "task", "method", "share", "rest", "seed", "cost", *COPIED, "seconds")
PRICES = "paper-text"
"""The list of cqb-pareto that costs are told in: fully labelled images per image."""


def bench_row(entry: Entry, run: Mapping[str, str]) -> dict[str, object]:
    """The row of an entry, from that of its training in `runs.csv`."""
    cost = sum(share * _prices().relative([owned.short])[0] for owned, share in entry.allocation.items())
    return {
        "run": f"{run['key']}/{entry.task}/{entry.method}",
        "task": entry.task,
        "method": entry.method,
        "share": f"{entry.share:g}",
        "rest": entry.rest.short,
        "seed": entry.seed,
        "cost": f"{cost:.4f}",
        **{name: run[name] for name in COPIED},
        "seconds": run["wall_seconds"],
    }


@cache
def _prices() -> PriceList:
    return named_prices(PRICES)


BENCH = Report("bench", COLUMNS, bench_row, ("box_ap", "mask_ap", "miou", "pq"))
