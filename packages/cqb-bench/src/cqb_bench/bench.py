"""Train every method of a comparison in one harness: same data, backbone, schedule and labels (Fig. 5)."""

from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cqb_bench.choice import ALL, chosen
from cqb_bench.tasks import TASKS, task_named
from cqb_core import Labels
from cqb_net.pilots import Executor, LocalProcesses
from cqb_net.pilots.local import gpus_here
from cqb_net.pilots.sweep import require_shares, run_sweep

if TYPE_CHECKING:
    from cqb_net.pilots.planning import Sweep

SHARES = (0.1, 0.3, 0.5)
"""Of fully labelled images, as in Fig. 5."""


def plan_bench(
    data: str | PathLike[str],
    config: str | PathLike[str],
    task: str,
    *,
    methods: Sequence[str] = (ALL,),
    rest: Labels | None = None,
    shares: Sequence[float] = SHARES,
    seeds: int = 2,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
    allow_unseen: bool = False,
    trust_config: bool = False,
) -> "Sweep":
    """What a comparison will train, checked before anything is trained; see `run_bench`."""
    from cqb_bench.entries import configured, entries
    from cqb_bench.report import BENCH
    from cqb_net.pilots.pilot import Recipe
    from cqb_net.pilots.planning import plan_sweep

    asked = task_named(task)
    owned = TASKS[asked].rest if rest is None else rest
    compared = chosen(asked, owned, methods)
    require_shares(shares, seeds)
    recipe = Recipe.of(config, epochs, options, trust_config)
    wanted = entries(asked, owned, compared, shares, seeds)
    return plan_sweep(data, recipe, wanted, allow_unseen, BENCH, partial(configured, recipe))


def run_bench(
    data: str | PathLike[str],
    config: str | PathLike[str],
    out: str | PathLike[str],
    task: str,
    *,
    methods: Sequence[str] = (ALL,),
    rest: Labels | None = None,
    shares: Sequence[float] = SHARES,
    seeds: int = 2,
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
    """Train methods of one task on shares of full labels and write the table of results.

    A second call with the same arguments goes on where the first was stopped; one with other methods, shares, seeds or
    another task adds to the folder. Trainings that tasks have in common are done once.

    Args:
        data: root of a data set in COCO panoptic layout with a train and a val split.
        config: name or path of a config; options of the auxiliaries that it lists hold for methods of their type.
        out: folder for `bench.csv`, `runs.csv`, `failures.csv` and `runs/KEY/`.
        task: detection, semantic or instance.
        methods: names, or `all`; CQB-Net's own module, the baseline and the upper bound are always trained.
        rest: labels of the images that are not fully labelled; those of the task by default.
        shares: of fully labelled images.
        seeds: how many.
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
        `bench.csv`.

    Raises:
        InputError: before any training, when task, methods, data, config or folder do not fit each other; later when a
            disk is full.
    """
    sweep = plan_bench(
        data,
        config,
        task,
        methods=methods,
        rest=rest,
        shares=shares,
        seeds=seeds,
        epochs=epochs,
        options=options,
        allow_unseen=allow_unseen,
        trust_config=trust_config,
    )
    executor = executor or LocalProcesses(gpus=gpus_here())
    return run_sweep(sweep, out, executor, limit, retry_failed, keep_weights, check, progress, reuse=reuse)
