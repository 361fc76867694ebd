"""What a sweep leaves in its folder: a row for every training, a row for every failure, and the table that it fills.

`runs.csv` tells all of a training, once. The sweep's table (`report`) has one row for each request that the training
answers. Both follow from the trainings' own results, so a row that a kill kept from being written is written at the
next start.
"""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cqb_net.pilots.execution import Outcome
from cqb_net.pilots.planning import Planned
from cqb_net.pilots.report import PILOTS, QUALITIES, Report
from cqb_net.pilots.table import AppendedTable, read_rows
from cqb_net.pilots.training import CURVE

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
FAILURES = ["key", "labels", "modules", "seed", "error", "tries", "seconds", "time", "log"]
LOG = "log.txt"


class SweepTables:
    """The three tables of a folder.

    Args:
        folder: of the sweep.
        report: what the sweep is run for.

    Raises:
        InputError: when one of them is no table of ours.
    """

    def __init__(self, folder: Path, report: Report = PILOTS) -> None:
        self.folder, self.report = folder, report
        self.runs = AppendedTable(folder / "runs.csv", RUNS)
        self.told = AppendedTable(folder / report.file, report.columns)
        self.failures = AppendedTable(folder / "failures.csv", FAILURES)
        self._results = {row["key"]: row for row in self.runs.rows}
        self._written = {row[report.columns[0]] for row in self.told.rows}

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
        """Write the row of a training, and those of the requests that it answers."""
        key = planned.pilot.key
        if key not in self._results:
            curve = (self.folder_of(planned) / CURVE).relative_to(self.folder)
            options = " ".join(f"{name}={value}" for name, value in planned.pilot.options.items())
            told = {"config": planned.pilot.name, "options": options, "fingerprint": planned.pilot.fingerprint}
            measured = {column: result[column] for column in MEASURED}
            self.runs.append({**_what(planned), **measured, **told, "curve": curve})
            self._results[key] = self.runs.rows[-1]
        self.tell(planned)

    def take_over(self, path: Path, trainings: Iterable[Planned]) -> int:
        """Copy rows from the `runs.csv` of another sweep: those of trainings that would be done here exactly so.

        Args:
            path: of the file, which is read only.
            trainings: of this sweep.

        Returns:
            how many.

        Raises:
            InputError: when the file is no such table.
        """
        rows = {row["key"]: row for row in read_rows(path, RUNS)[0]}
        wanted = [planned for planned in trainings if planned.pilot.key in rows.keys() - self.done]
        for planned in wanted:
            row = rows[planned.pilot.key]
            curve = path.parent / row["curve"]
            self.runs.append({**row, "curve": os.path.relpath(curve, self.folder) if curve.is_file() else ""})
            self._results[row["key"]] = self.runs.rows[-1]
            self.tell(planned)
        return len(wanted)

    def tell(self, planned: Planned) -> None:
        """Write the rows of the requests that a finished training answers, as far as they are missing."""
        for entry in planned.entries:
            row = self.report.row(entry, self._results[planned.pilot.key])
            name = str(row[self.report.columns[0]])
            if name not in self._written:
                self.told.append(row)
                self._written.add(name)

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
