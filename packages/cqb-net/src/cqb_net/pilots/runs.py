"""What a sweep leaves in its folder: a row for every training, a row for every failure, and the table of pilots.

`runs.csv` tells all of a training, once. `pilots.csv` is what cqb-pareto reads: one row for each comparison that the
training is part of, with the qualities that the comparison is about. Both follow from the trainings' own results, so a
row that a kill kept from being written is written at the next start.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cqb_net.pilots.execution import Outcome
from cqb_net.pilots.planning import Planned
from cqb_net.pilots.protocol import Entry
from cqb_net.pilots.table import AppendedTable
from cqb_net.pilots.training import CURVE, GROUPS

QUALITIES = [measure + suffix for measure in ("pq", "sq", "rq") for suffix in GROUPS]
MEASURED = [
    "images",
    *QUALITIES,
    "box_ap",
    "mask_ap",
    "miou",
    "val_images",
    "iterations",
    "sessions",
    "wall_seconds",
    "cpu_seconds",
    "machine",
    "versions",
    "commit",
]
RUNS = ["key", "labels", "modules", "seed", *MEASURED, "config", "options", "fingerprint", "curve"]
PILOTS = ["run", "full", "rest", "share", "variant", "module", "seed", "images", *QUALITIES]
FAILURES = ["key", "labels", "modules", "seed", "error", "tries", "seconds", "time", "log"]
SHOWN = {"all": ("", "_th", "_st"), "things": ("_th",), "stuff": ("_st",)}
"""Suffixes of the columns that a comparison of a branch fills."""

LOG = "log.txt"


class SweepTables:
    """The three tables of a folder.

    Args:
        folder: of the sweep.

    Raises:
        InputError: when one of them is no table of ours.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = AppendedTable(folder / "runs.csv", RUNS)
        self.pilots = AppendedTable(folder / "pilots.csv", PILOTS)
        self.failures = AppendedTable(folder / "failures.csv", FAILURES)
        self._results = {row["key"]: row for row in self.runs.rows}
        self._written = {row["run"] for row in self.pilots.rows}

    @property
    def done(self) -> frozenset[str]:
        """Keys of the trainings that have a row."""
        return frozenset(self._results)

    @property
    def failed(self) -> frozenset[str]:
        """Keys of the trainings that have failed and not succeeded since."""
        return frozenset(row["key"] for row in self.failures.rows) - self.done

    def folder_of(self, planned: Planned) -> Path:
        """Where a training leaves its files."""
        return self.folder / "runs" / planned.pilot.key

    def succeeded(self, planned: Planned, result: Mapping[str, Any]) -> None:
        """Write the row of a training, and those of the comparisons that it is part of."""
        key = planned.pilot.key
        if key not in self._results:
            curve = (self.folder_of(planned) / CURVE).relative_to(self.folder)
            options = " ".join(f"{name}={value}" for name, value in planned.pilot.options.items())
            told = {"config": planned.pilot.name, "options": options, "fingerprint": planned.pilot.fingerprint}
            measured = {column: result[column] for column in MEASURED}
            self.runs.append({**_what(planned), **measured, **told, "curve": curve})
            self._results[key] = self.runs.rows[-1]
        self.tell(planned)

    def tell(self, planned: Planned) -> None:
        """Write the rows of the comparisons that a finished training is part of, as far as they are missing."""
        for entry in planned.entries:
            row = _pilot_row(entry, planned.pilot.key, self._results[planned.pilot.key])
            if row["run"] not in self._written:
                self.pilots.append(row)
                self._written.add(str(row["run"]))

    def has_failed(self, planned: Planned, outcome: Outcome, tries: int) -> None:
        """Write why a training has no result."""
        self.failures.append(
            {
                **_what(planned),
                "error": outcome.error,
                "tries": tries,
                "seconds": round(outcome.seconds, 1),
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "log": (self.folder_of(planned) / LOG).relative_to(self.folder),
            }
        )


def _what(planned: Planned) -> dict[str, object]:
    shares = ",".join(f"{owned.short}={share:g}" for owned, share in planned.pilot.allocation.items())
    modules = "+".join(planned.pilot.modules)
    return {"key": planned.pilot.key, "labels": shares, "modules": modules, "seed": planned.pilot.seed}


def _pilot_row(entry: Entry, key: str, result: Mapping[str, str]) -> dict[str, object]:
    shown = {measure + suffix for measure in ("pq", "sq", "rq") for suffix in SHOWN[entry.branch]}
    return {
        "run": f"{key}/{entry.module or 'design'}/{entry.rest.short}/{entry.variant}",
        "full": "P",
        "rest": entry.rest.short,
        "share": f"{entry.share:g}",
        "variant": entry.variant,
        "module": entry.module,
        "seed": entry.seed,
        "images": result["images"],
        **{column: result[column] if column in shown else "" for column in QUALITIES},
    }
