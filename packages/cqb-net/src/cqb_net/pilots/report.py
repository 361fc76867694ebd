"""What a sweep is run for: the table that it fills. That of Table 2 is what cqb-pareto reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cqb_net.pilots.protocol import Entry
from cqb_net.pilots.training import GROUPS

QUALITIES = tuple(measure + suffix for measure in ("pq", "sq", "rq") for suffix in GROUPS)
SHOWN = {"all": ("", "_th", "_st"), "things": ("_th",), "stuff": ("_st",)}
"""Suffixes of the columns that a comparison of a branch fills."""


@dataclass(frozen=True)
class Report:
    """A table with a row for each request.

    Args:
        name: of the sweep in messages; the table is `NAME.csv`.
        columns: of the table; the first tells its rows apart.
        row: from a request and the row of its training in `runs.csv` to a row of the table.
        shown: columns of `runs.csv` that a person sees when a training ends.
    """

    name: str
    columns: tuple[str, ...]
    row: Callable[[Any, Mapping[str, str]], dict[str, object]]
    shown: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of the table's file."""
        return f"{self.name}.csv"

    @property
    def format(self) -> str:
        """What the folder of such a sweep says of itself."""
        return f"cqb-{self.name}"


def pilot_row(entry: Entry, run: Mapping[str, str]) -> dict[str, object]:
    """The row of an entry, with the qualities that its comparison is about."""
    shown = {measure + suffix for measure in ("pq", "sq", "rq") for suffix in SHOWN[entry.branch]}
    return {
        "run": f"{run['key']}/{entry.module or 'design'}/{entry.rest.short}/{entry.variant}",
        "full": "P",
        "rest": entry.rest.short,
        "share": f"{entry.share:g}",
        "variant": entry.variant,
        "module": entry.module,
        "seed": entry.seed,
        "images": run["images"],
        **{column: run[column] if column in shown else "" for column in QUALITIES},
    }


PILOTS = Report(
    "pilots",
    ("run", "full", "rest", "share", "variant", "module", "seed", "images", *QUALITIES),
    pilot_row,
    ("pq", "pq_th", "pq_st"),
)
