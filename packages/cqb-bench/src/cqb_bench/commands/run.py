"""`cqb-bench run`."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    task: Annotated[str, typer.Option(help="What is compared: detection, semantic or instance.")],
    data: Annotated[Path, typer.Option(help="Data set in COCO panoptic layout.")],
    config: Annotated[str, typer.Option(help="Name of a config, such as cqb-net_tiny_scenes, or a file.")],
    out: Annotated[Path, typer.Option(help="Folder for bench.csv and all else; an earlier one is continued.")],
    methods: Annotated[str, typer.Option(help="Names of methods, see `cqb-bench methods`, or all.")] = "all",
    shares: Annotated[str, typer.Option(help="Shares of fully labelled images.")] = "0.1,0.3,0.5",
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions, with other images and weights.")] = 2,
    rest: Annotated[
        str | None, typer.Option(help="Labels of the other images, such as I or B; those of the task by default.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Length of every training, schedule stretched.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings at a time here; one a GPU, or 2 without GPU, by default.")
    ] = None,
    ray: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Run on this Ray cluster (extra: ray).")] = None,
    limit: Annotated[float | None, typer.Option(min=0, help="Minutes after which a training is stopped.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="Config entry to override, such as train_dataloader.batch_size=8.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
    keep_weights: Annotated[bool, typer.Option("--keep-weights", help="Keep checkpoints of what is done.")] = False,
    allow_unseen: Annotated[
        bool, typer.Option("--allow-unseen", help="Go on when no image of an assignment shows some class.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Look at every file before the first training.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be trained.")] = False,
) -> None:
    """Train methods of one task on the same labels, beside CQB-Net's own module, a baseline and an upper bound.

    What is done stays done: the same command goes on after a stop. Exit status 1 when a training has failed.
    """
    from cqb_bench.bench import plan_bench
    from cqb_bench.report import BENCH
    from cqb_core import Labels
    from cqb_core.training import parse_options
    from cqb_net.commands.options import executor_of, numbers
    from cqb_net.pilots.runs import SweepTables
    from cqb_net.pilots.sweep import run_sweep
    from cqb_net.terminal import console

    sweep = plan_bench(
        data,
        config,
        task,
        methods=methods.split(","),
        rest=None if rest is None else Labels.parse(rest),
        shares=numbers(shares, "--shares"),
        seeds=seeds,
        epochs=epochs,
        options=parse_options(option or []),
        allow_unseen=allow_unseen,
    )
    if dry_run:
        console().print(sweep.table())
        return
    seconds = None if limit is None else 60 * limit
    written = run_sweep(sweep, out, executor_of(workers, ray), seconds, retry_failed, keep_weights, check)
    typer.echo(f"results: {written}")
    failed = SweepTables(out, BENCH).failed & {planned.pilot.key for planned in sweep.trainings}
    raise typer.Exit(int(bool(failed)))
