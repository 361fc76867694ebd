"""A sweep of pilots: whatever is not done yet is run, every result is on disk before the next one is looked at."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cqb_core import InputError
from cqb_net.pilots.board import Board
from cqb_net.pilots.execution import Executor, Job, Outcome
from cqb_net.pilots.local import LocalProcesses, gpus_here
from cqb_net.pilots.lock import locked

if TYPE_CHECKING:
    from cqb_net.pilots.pilot import Pilot
    from cqb_net.pilots.planning import Planned, Sweep
    from cqb_net.pilots.protocol import Entry
    from cqb_net.pilots.runs import SweepTables

TRIES = 3
"""Starts of a training whose process or machine goes away."""


def run_pilots(
    data: str | PathLike[str],
    config: str | PathLike[str],
    out: str | PathLike[str],
    *,
    shares: Sequence[float] = (0.1, 0.3, 0.5),
    seeds: int = 3,
    rows: Sequence[str] | None = None,
    design: "str | PathLike[str] | Sequence[Entry] | None" = None,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    limit: float | None = None,
    retry_failed: bool = False,
    keep_weights: bool = False,
    allow_unseen: bool = False,
    check: bool = True,
    progress: bool = True,
    trust_config: bool = False,
    reuse: Sequence[str | PathLike[str]] = (),
) -> Path:
    """Run the comparisons of Table 2, or the runs of a design, and write the table that cqb-pareto reads.

    A second call with the same arguments goes on where the first was stopped, and one with other rows, shares, seeds or
    design adds to the folder.

    Args:
        data: root of a data set in COCO panoptic layout with a train and a val split.
        config: name or path of a config whose auxiliaries are the modules.
        out: folder for `pilots.csv`, `runs.csv`, `failures.csv` and `runs/KEY/`.
        shares: of panoptic labels, for Table 2.
        seeds: how many, for Table 2.
        rows: names of some rows of Table 2; all of them by default.
        design: CSV of `cqb-pareto design`, or the runs themselves (`pilots.design.crossed`), instead of Table 2.
        epochs: length of every training, its schedule stretched; the config says by default.
        options: config entries to override.
        executor: where trainings run; this machine by default.
        limit: seconds after which a training is stopped and counts as failed.
        retry_failed: try again what failed at earlier starts.
        keep_weights: keep the checkpoints of finished trainings.
        allow_unseen: go on when no image of an assignment shows some class.
        check: look at every file of the data set before the first training.
        progress: show on standard error what is done, failed and running.
        trust_config: read a config that no installed package brought; its code runs.
        reuse: `runs.csv` of other folders; trainings of the same data, labels, config, length and seed are taken over.

    Returns:
        `pilots.csv`.

    Raises:
        InputError: of cqb-core or cqb-pareto, before any training, when arguments, data, config or folder do not fit;
            later when a disk is full.
    """
    from cqb_net.pilots.pilot import Recipe
    from cqb_net.pilots.planning import plan_sweep

    recipe = Recipe.of(config, epochs, options, trust_config)
    sweep = plan_sweep(data, recipe, wanted_entries(shares, seeds, rows, design), allow_unseen)
    executor = executor or LocalProcesses(gpus=gpus_here())
    return run_sweep(sweep, out, executor, limit, retry_failed, keep_weights, check, progress, reuse=reuse)


def wanted_entries(
    shares: Sequence[float],
    seeds: int,
    rows: Sequence[str] | None,
    design: "str | PathLike[str] | Sequence[Entry] | None",
) -> "list[Entry]":
    """The rows that the table of pilots is to have; see `run_pilots`.

    Raises:
        InputError: when a share, the number of seeds or a row's name is wrong, or rows are asked of a design.
    """
    from cqb_net.pilots.design import read_design
    from cqb_net.pilots.protocol import ROWS, named_rows, table2

    if design is not None:
        if rows is not None:
            raise InputError("--rows", "rows", "rows of Table 2 without --design", ", ".join(rows))
        return read_design(design) if isinstance(design, (str, PathLike)) else list(design)
    require_shares(shares, seeds)
    return table2(ROWS if rows is None else named_rows(rows), list(dict.fromkeys(shares)), seeds)


def require_shares(shares: Sequence[float], seeds: int) -> None:
    """Check the panoptic shares and the number of seeds of a comparison.

    Raises:
        InputError: naming the option and the first number that is none.
    """
    for share in shares:
        if not 0 < share <= 1:
            raise InputError("--shares", "share", "a share above 0 and at most 1", f"{share:g}")
    if seeds < 1:
        raise InputError("--seeds", "seeds", "1 or more", seeds)


def run_sweep(
    sweep: "Sweep",
    out: str | PathLike[str],
    executor: Executor,
    limit: float | None = None,
    retry_failed: bool = False,
    keep_weights: bool = False,
    check: bool = True,
    progress: bool = True,
    run: "Callable[[Pilot, Path, Path, bool], dict[str, Any]] | None" = None,
    reuse: Sequence[str | PathLike[str]] = (),
) -> Path:
    """Run what a sweep has left to do; see `run_pilots`.

    Args:
        sweep: what to train.
        out: see `run_pilots`, as are the others.
        executor: where.
        limit: in seconds.
        retry_failed: also what failed before.
        keep_weights: of finished trainings.
        check: the data set of a new folder.
        progress: to show.
        run: what makes a result of a pilot, as `training.run_pilot` does, which is the default.
        reuse: see `run_pilots`.

    Returns:
        the sweep's table.

    Raises:
        InputError: when the folder belongs to another sweep, another process works in it, the data set is broken, a
            table to reuse is none, or the disk is full.
    """
    from cqb_net.pilots.claim import claim, require_claimable
    from cqb_net.pilots.runs import LOG, SweepTables
    from cqb_net.pilots.training import run_pilot

    out = Path(out)
    require_claimable(out)
    with locked(out):
        claim(out, sweep, check, progress)
        tables = SweepTables(out, sweep.report)
        taken = {path: tables.take_over(Path(path), sweep.trainings) for path in reuse}
        passed_over = frozenset() if retry_failed else tables.failed
        left = _left(sweep, tables, passed_over)

        def job(planned: "Planned") -> Job:
            folder = tables.folder_of(planned).resolve()
            call = partial(run or run_pilot, planned.pilot, sweep.data.resolve(), folder, keep_weights)
            return Job(planned.pilot.key, call, folder / LOG, limit)

        failed = sum(planned.pilot.key in passed_over for planned in sweep.trainings)
        board = Board(len(sweep.trainings), len(sweep.trainings) - len(left) - failed, failed, executor.slots, progress)
        with board:
            for path, count in taken.items():
                board.say(f"{count} of {len(sweep.trainings)} trainings taken over from {path}")
            try:
                _run_all({planned.pilot.key: planned for planned in left}, job, executor, tables, board)
            except KeyboardInterrupt:
                board.say(f"stopped with {board.done} of {board.total} done; the same command continues")
                raise
            board.say(_summary(board, tables))
    return tables.told.path


def _left(sweep: "Sweep", tables: "SweepTables", passed_over: frozenset[str]) -> "list[Planned]":
    """The trainings without a result; rows that a kill kept from being written are written."""
    from cqb_net.pilots.training import finished

    left, done = [], tables.done
    for planned in sweep.trainings:
        result = None if planned.pilot.key in done else finished(tables.folder_of(planned))
        if planned.pilot.key in done:
            tables.tell(planned)
        elif result is not None:
            tables.succeeded(planned, result)
        elif planned.pilot.key not in passed_over:
            left.append(planned)
    return left


def _run_all(
    left: "Mapping[str, Planned]",
    job: "Callable[[Planned], Job]",
    executor: Executor,
    tables: "SweepTables",
    board: Board,
) -> None:
    """Run trainings; those that are lost come again when the others have ended, `TRIES` times in all."""
    tries: Counter[str] = Counter()
    waiting = list(left)
    while waiting:
        jobs, waiting = [job(left[key]) for key in waiting], []
        with closing(executor.run(jobs)) as outcomes:
            for outcome in outcomes:
                tries[outcome.key] += 1
                if outcome.lost and tries[outcome.key] < TRIES:
                    waiting.append(outcome.key)
                    board.lost(_title(left[outcome.key]), outcome.error)
                else:
                    _record(left[outcome.key], outcome, tries[outcome.key], tables, board)


def _record(planned: "Planned", outcome: Outcome, tries: int, tables: "SweepTables", board: Board) -> None:
    if outcome.error:
        tables.has_failed(planned, outcome, tries)
        board.gave_up(_title(planned), outcome.error)
    else:
        tables.succeeded(planned, outcome.value)
        shown = ", ".join(f"{name} {outcome.value[name]}" for name in tables.report.shown)
        board.finished(_title(planned), shown, outcome.seconds)


def _title(planned: "Planned") -> str:
    more = len(planned.entries) - 1
    return planned.entries[0].title + (f" (and {more} more row{'s' if more > 1 else ''})" if more else "")


def _summary(board: Board, tables: "SweepTables") -> str:
    done = f"{tables.told.path}: {board.done} of {board.total} trainings done"
    return f"{done}, {board.failed} failed, see {tables.failures.path} (--retry-failed)" if board.failed else done
