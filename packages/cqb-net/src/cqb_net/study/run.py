"""Pilots, plan, assignment, training, evaluation, report: what is done already is not done again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import cqb_pareto
from cqb_core import InputError, Labels, assign
from cqb_core.data.panoptic_files import find_split, fingerprint, read_split
from cqb_net.pilots import Executor, LocalProcesses, run_pilots
from cqb_net.pilots.design import crossed
from cqb_net.pilots.local import gpus_here
from cqb_net.pilots.pilot import Recipe
from cqb_net.pilots.protocol import Entry
from cqb_net.pilots.sweep import require_shares, wanted_entries
from cqb_net.study.page import draw_predictions, write_page
from cqb_net.study.rivals import all_full, cost_of, mixed_to_cost
from cqb_net.study.trials import Trial, TrialScore, run_trials
from cqb_net.worklist import plan_allocation, write_worklist
from cqb_pareto.objectives import ClassWeights
from cqb_pareto.report import Page, write_report

KINDS = ("I", "B", "B+I", "S")
"""Label sets that are piloted by default."""

PLANNED, FULL, RANDOM = "planned", "all panoptic", "random"


@dataclass(frozen=True)
class StudyResult:
    """What a study came to.

    Args:
        plan: the labels worth buying.
        scores: of the planned allocation and of those that it was compared with.
        page: the report, `index.html`.
    """

    plan: cqb_pareto.Plan
    scores: list[TrialScore]
    page: Path

    def of(self, name: str) -> list[TrialScore]:
        """The scores of one kind: `planned`, `all panoptic` or `random`."""
        return [score for score in self.scores if score.trial.name.startswith(name)]


def run_study(
    data: str | PathLike[str],
    config: str | PathLike[str],
    out: str | PathLike[str],
    *,
    budget: float,
    unit: str = "relative",
    prices: cqb_pareto.PriceList | None = None,
    shares: Sequence[float] = (0.1, 0.3, 0.5),
    pilot_seeds: int = 3,
    rows: Sequence[str] | None = None,
    design: str | PathLike[str] | Sequence[Entry] | None = None,
    kinds: Sequence[str] = KINDS,
    pilot_epochs: int | None = None,
    epochs: int | None = None,
    seeds: int = 1,
    rivals: int = 0,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    seed: int = 0,
    progress: bool = True,
    trust_config: bool = False,
    allow_unseen: bool = False,
    extrapolate: bool = False,
) -> StudyResult:
    """From images, prices and a budget to a trained network and the reasons for its labels.

    A second call with the same arguments goes on where the first was stopped.

    Args:
        data: root of a data set in COCO panoptic layout with a train and a val split.
        config: name or path of a config whose auxiliaries are the modules.
        out: folder for `pilots/`, `plan.json`, `plan.html`, `labels.json`, `worklist/`, `trials/` and `index.html`.
        budget: what may be spent on the train split's labels.
        unit: of the budget: relative (fully labelled images per image), images, hours or money.
        prices: of labels; the paper's by default.
        shares: of fully labelled images in the pilots.
        pilot_seeds: how many of each pilot.
        rows: of Table 2 to pilot, instead of label sets.
        design: CSV of `cqb-pareto design`, or its runs, instead of shares, seeds, label sets and rows.
        kinds: label sets to pilot on the other images, with every module on; full labels alone are piloted beside them.
        pilot_epochs: length of a pilot; the config says by default.
        epochs: length of the final trainings; likewise.
        seeds: how many trainings of each final allocation.
        rivals: random allocations of the same cost to compare with; with one or more, all the money on fully labelled
            images is compared, too.
        options: config entries to override.
        executor: where trainings run; this machine by default.
        seed: of the plan and of the random allocations.
        progress: show what is done and running.
        trust_config: read a config that no installed package brought; its code runs.
        allow_unseen: go on when no image of a pilot's assignment shows some class.
        extrapolate: let the plan leave the shares that were piloted.

    Raises:
        InputError: of cqb-core or cqb-pareto, naming what does not fit.
    """
    out, priced = Path(out), prices or cqb_pareto.named_prices("paper-text")
    executor = executor or LocalProcesses(gpus=gpus_here())
    if design is None and rows is None:
        require_shares(shares, pilot_seeds)
        design = crossed(dict.fromkeys(("none", *kinds), shares), pilot_seeds)
    index = read_split(find_split(data, "train"))
    limit = priced.relative_budget(budget, unit, len(index.entries))
    if not extrapolate:
        require_affordable(wanted_entries(shares, pilot_seeds, rows, design), priced, limit)
    table = run_pilots(
        data,
        config,
        out / "pilots",
        shares=shares,
        seeds=pilot_seeds,
        rows=rows,
        design=design,
        epochs=pilot_epochs,
        options=options,
        executor=executor,
        progress=progress,
        trust_config=trust_config,
        allow_unseen=allow_unseen,
    )
    made = cqb_pareto.study(
        cqb_pareto.read_pilots(table),
        priced,
        budget=budget,
        unit=unit,
        images=len(index.entries),
        weights=ClassWeights.of(index.taxonomy.num_things, index.taxonomy.num_stuff),
        extrapolate=extrapolate,
        seed=seed,
    )
    cqb_pareto.write_plan(made.plan, out / "plan.json")
    write_report(Page.of(made), out / "plan.html")
    allocation = plan_allocation(made.plan, out / "plan.json")
    assignment = assign([entry.image_id for entry in index.entries], allocation, 0, fingerprint(index))
    assignment.write(out / "labels.json")
    write_worklist(assignment, index, priced, out / "worklist")

    planned = [Labels.parse(kind) for kind in made.objectives.quality.kinds]
    trials = trials_of(allocation, planned, priced, rivals, seeds, seed)
    recipe = Recipe.of(config, epochs, options, trust_config)
    scores = run_trials(trials, data, recipe, out / "trials", executor, priced, progress=progress)
    draw_predictions(scores[0].folder / "training", data, out / "predictions.png")
    return StudyResult(made.plan, scores, write_page(made, scores, out))


def require_affordable(entries: Sequence[Entry], prices: cqb_pareto.PriceList, budget: float) -> None:
    """Check, before hours of pilots, that the plan can stay within the shares that they will tell of.

    Args:
        entries: the pilots.
        prices: of labels.
        budget: in fully labelled images per image.

    Raises:
        InputError: with the least that any allocation between the pilots costs.
    """
    least = min(cost_of(dict(entry.allocation), prices) for entry in entries)
    if budget < least * (1 - 1e-9):
        wanted = f"at least {least:.4g} fully labelled images per image, what the cheapest pilot's labels cost"
        raise InputError("study", "budget", f"{wanted} (or smaller --shares, or --extrapolate)", f"{budget:.4g}")


def trials_of(
    allocation: dict[Labels, float],
    kinds: Sequence[Labels],
    prices: cqb_pareto.PriceList,
    rivals: int,
    seeds: int,
    seed: int,
) -> list[Trial]:
    """The planned allocation and its rivals of the same cost, each with every seed.

    Raises:
        InputError: for fewer than one seed or a negative number of rivals.
    """
    if seeds < 1 or rivals < 0:
        raise InputError("study", "seeds, rivals", "1 or more seeds, 0 or more rivals", f"{seeds}, {rivals}")
    cost, rng = cost_of(allocation, prices), np.random.default_rng(seed)
    chosen = {PLANNED: allocation}
    if rivals:
        chosen[FULL] = all_full(cost, prices)
    for number in range(1, rivals + 1):
        chosen[f"{RANDOM} {number}"] = mixed_to_cost(kinds, cost, prices, rng)
    return [Trial(name, shares, each) for each in range(seeds) for name, shares in chosen.items()]
