"""Trainings of whole allocations with every module on, all by one recipe, so that their qualities compare."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from cqb_core import InputError, Labels
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.files import replacing
from cqb_net.pilots.board import Board
from cqb_net.pilots.execution import Executor, Job
from cqb_net.pilots.pilot import Pilot, Recipe
from cqb_net.pilots.runs import LOG
from cqb_net.pilots.table import read_rows
from cqb_net.pilots.training import data_fingerprint, finished, run_pilot
from cqb_net.study.rivals import cost_of
from cqb_pareto import PriceList

COLUMNS = ("trial", "seed", "allocation", "cost", "pq", "pq_th", "pq_st", "iterations", "images", "key", "commit")


@dataclass(frozen=True)
class Trial:
    """One allocation to train on.

    Args:
        name: such as `planned`; trials of one name differ by their seed.
        allocation: share of the images per label set.
        seed: of assignment, weights, order and augmentation.
    """

    name: str
    allocation: dict[Labels, float]
    seed: int

    @property
    def title(self) -> str:
        """Name, seed and labels."""
        shares = ", ".join(f"{labels.short} {share:.3g}" for labels, share in self.allocation.items())
        return f"{self.name}, seed {self.seed} ({shares})"


@dataclass(frozen=True)
class TrialScore:
    """What a trial came to.

    Args:
        trial: what was trained.
        cost: relative cost per image.
        result: see `cqb_net.pilots.training.run_pilot`.
        folder: of the training.
    """

    trial: Trial
    cost: float
    result: dict[str, Any]
    folder: Path

    @property
    def pq(self) -> float:
        """In points."""
        return float(self.result["pq"])


def run_trials(
    trials: Sequence[Trial],
    data: str | PathLike[str],
    recipe: Recipe,
    out: str | PathLike[str],
    executor: Executor,
    prices: PriceList,
    *,
    progress: bool = True,
    reuse: Sequence[str | PathLike[str]] = (),
) -> list[TrialScore]:
    """Train and score the trials that have no result in `out` yet, and write `trials.csv` whenever one is done.

    Args:
        trials: in the order of the table.
        data: root of a data set in COCO panoptic layout.
        recipe: how they are trained; all auxiliaries of its config are on.
        out: folder; a folder in it per trial, named by what decides its result.
        executor: where they run.
        prices: for their costs.
        progress: show what is done and running.
        reuse: `trials.csv` of other folders; scores of the same data, labels, config, length and seed are taken over.

    Raises:
        InputError: when a training failed; the others are done by then, and a second call tries it again. When a table
            to reuse is none.
    """
    out, root = Path(out), Path(data).resolve()
    pilots = planned_pilots(trials, data, recipe)
    folders: dict[str, Path] = {}
    for trial, pilot in pilots:  # trials of the same labels and seed share a training
        folders.setdefault(pilot.key, folder_of(trial, pilot, out))
    results = {key: result for key, folder in folders.items() if (result := finished(folder)) is not None}
    for path in reuse:
        results = {key: result for key, result in read_scores(path).items() if key in folders} | results
    jobs = {
        pilot.key: Job(pilot.key, partial(run_pilot, pilot, root, folders[pilot.key], True), folders[pilot.key] / LOG)
        for _, pilot in pilots
        if pilot.key not in results
    }
    titles = {pilot.key: trial.title for trial, pilot in pilots}
    failures: dict[str, str] = {}

    def write() -> list[TrialScore]:
        scores = [
            TrialScore(trial, cost_of(trial.allocation, prices), results[pilot.key], folders[pilot.key])
            for trial, pilot in pilots
            if pilot.key in results
        ]
        write_scores(scores, out / "trials.csv")
        return scores

    with Board(len(folders), len(results), 0, executor.slots, progress) as board:
        for outcome in executor.run(list(jobs.values())):
            if outcome.error:
                failures[outcome.key] = outcome.error
                board.gave_up(titles[outcome.key], outcome.error)
            else:
                results[outcome.key] = outcome.value
                write()
                board.finished(titles[outcome.key], f"PQ {outcome.value['pq']:.1f}", outcome.seconds)
    if failures:
        key, error = next(iter(failures.items()))
        raise InputError(folders[key], titles[key], "a training that ends", error)
    return write()


def folder_of(trial: Trial, pilot: Pilot, out: str | PathLike[str]) -> Path:
    """Where a trial leaves its files; two that share a training use the folder of the first."""
    return (Path(out) / f"{trial.name.replace(' ', '-')}-{pilot.key}").resolve()


def planned_pilots(trials: Sequence[Trial], data: str | PathLike[str], recipe: Recipe) -> list[tuple[Trial, Pilot]]:
    """What each trial trains."""
    found = data_fingerprint(*(read_split(find_split(data, split)) for split in ("train", "val")))
    modules = tuple(auxiliary["type"] for auxiliary in recipe.content["model"].get("auxiliaries") or ())
    config = recipe.with_modules(modules)
    return [
        (trial, Pilot(config, recipe.name, recipe.options, trial.allocation, trial.seed, found)) for trial in trials
    ]


def write_scores(scores: Sequence[TrialScore], path: Path) -> None:
    """The trials as a CSV, costs in panoptic labels per image, qualities in points."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for score in scores:
            trial = score.trial
            shares = " ".join(f"{labels.short}={share:.4g}" for labels, share in trial.allocation.items())
            row = {"trial": trial.name, "seed": trial.seed, "allocation": shares, "cost": f"{score.cost:.4f}"}
            writer.writerow({**score.result, **row, "key": score.folder.name.rpartition("-")[2]})


def read_scores(path: str | PathLike[str]) -> dict[str, dict[str, Any]]:
    """The results that such a CSV tells of, by the key of the training.

    Raises:
        InputError: when it is no such CSV.
    """
    file, results = Path(path), dict[str, dict[str, Any]]()
    for number, row in enumerate(read_rows(file, COLUMNS)[0], 1):
        try:
            numbers = {name: float(row[name]) for name in ("pq", "pq_th", "pq_st")}
            counts = {name: int(row[name]) for name in ("iterations", "images")}
        except ValueError as error:
            raise InputError(file, f"row {number}", "numbers", error) from None
        results[row["key"]] = {**numbers, **counts, "commit": row["commit"]}
    return results
