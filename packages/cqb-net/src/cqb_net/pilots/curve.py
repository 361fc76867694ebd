"""The learning curve of a training as one CSV, joined from the logs of its sessions."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cqb_core.files import write_text


def write_curve(training: Path, target: Path) -> int:
    """Write a row for each logged step: `step`, then every scalar that mmengine logged, by name.

    A step that two sessions logged, since the first was killed before its checkpoint, counts as the last one did it.

    Args:
        training: folder of a training, with mmengine's `*/vis_data/scalars.json`, one a session.
        target: the CSV file; it appears whole or not at all.

    Returns:
        how many sessions the training took.
    """
    logs = sorted(training.glob("*/vis_data/scalars.json"))
    steps: dict[int, dict[str, Any]] = {}
    for log in logs:
        session = list(_scalars(log))
        first = min((row["step"] for row in session), default=0)
        steps = {step: row for step, row in steps.items() if step < first} if session else steps
        for row in session:
            steps.setdefault(row["step"], {}).update(row)
    columns = ["step", *sorted({column for row in steps.values() for column in row} - {"step"})]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(steps[step] for step in sorted(steps))
    write_text(target, text.getvalue())
    return len(logs)


def _scalars(log: Path) -> Iterator[dict[str, Any]]:
    """The rows of a log that a kill may have cut off in the last line."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            yield row
