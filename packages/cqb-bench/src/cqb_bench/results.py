"""The results of a folder, gathered: at each share, what every method came to over its seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from statistics import mean, stdev

from cqb_bench.catalogue import methods
from cqb_bench.entries import BASELINE, UPPER
from cqb_bench.method import Task
from cqb_bench.report import BENCH, COLUMNS
from cqb_bench.tasks import TASKS
from cqb_pareto.tables import Row, read_rows


@dataclass(frozen=True)
class Standing:
    """One method at one share.

    Args:
        method: its name, or that of a run without one.
        share: of fully labelled images.
        rest: labels of the others.
        cost: in fully labelled images per image.
        values: the task's metric in points, by seed.
    """

    method: str
    share: float
    rest: str
    cost: float
    values: Mapping[int, float]

    @property
    def title(self) -> str:
        """What tables and plots call it."""
        return title_of(self.method)

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return mean(self.values.values())

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None of one."""
        return stdev(self.values.values()) if len(self.values) > 1 else None

    def above(self, other: "Standing") -> Sequence[float]:
        """How far it is above another one, for each seed that both have."""
        return [value - other.values[seed] for seed, value in self.values.items() if seed in other.values]


def read_results(folder: str | PathLike[str]) -> dict[Task, list[Standing]]:
    """The standings of each task that a folder has results of, by share, worst first.

    Raises:
        InputError: of cqb-pareto, naming file, row and column of what is no result.
    """
    grouped: dict[tuple[Task, str, float, str], tuple[float, dict[int, float]]] = {}
    for row in read_rows(Path(folder) / BENCH.file, COLUMNS):
        task = _task(row)
        value = row.number_in(TASKS[task].metric, 0.0, 100.0, float("nan"))
        if value != value:  # nothing to score, such as a data set without things
            continue
        key = (task, row.text("method"), row.number_in("share", 0.0, 1.0), row.text("rest"))
        grouped.setdefault(key, (row.number_in("cost", 0.0, float("inf")), {}))[1][row.integer("seed", 0)] = value
    standings: dict[Task, list[Standing]] = {}
    for (task, method, share, rest), (cost, values) in grouped.items():
        standings.setdefault(task, []).append(Standing(method, share, rest, cost, values))
    return {task: sorted(standings[task], key=lambda s: (s.share, s.mean)) for task in TASKS if task in standings}


def title_of(name: str) -> str:
    """The title of a method by name; a name that is none is its own title."""
    return next((method.title for method in methods() if method.name == name), name)


def is_ours(name: str) -> bool:
    """Whether a method is a module of CQB-Net."""
    return any(method.ours for method in methods() if method.name == name)


def find(standings: Iterable[Standing], name: str, share: float) -> Standing | None:
    """A method's standing at a share."""
    return next((standing for standing in standings if (standing.method, standing.share) == (name, share)), None)


def rivals(standings: Iterable[Standing]) -> list[Standing]:
    """The standings of methods that are not ours."""
    return [each for each in standings if each.method not in (BASELINE, UPPER) and not is_ours(each.method)]


def _task(row: Row) -> Task:
    for task in TASKS:
        if row.text("task") == task:
            return task
    raise row.error("task", f"one of {', '.join(TASKS)}", row.text("task"))
