"""`cqb-bench run`."""

from pathlib import Path
from typing import Annotated

import typer

from cqb_net.commands.options import (
    AllowUnseen,
    Check,
    DryRun,
    Epochs,
    KeepWeights,
    Limit,
    Overrides,
    RayAddress,
    RetryFailed,
    Reuse,
    TrustConfig,
    Workers,
    executor_of,
    numbers,
)


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
    epochs: Epochs = None,
    workers: Workers = None,
    ray: RayAddress = None,
    limit: Limit = None,
    option: Overrides = None,
    retry_failed: RetryFailed = False,
    keep_weights: KeepWeights = False,
    reuse: Reuse = None,
    allow_unseen: AllowUnseen = False,
    check: Check = True,
    trust_config: TrustConfig = False,
    dry_run: DryRun = False,
) -> None:
    """Train methods of one task on the same labels, beside CQB-Net's own module, a baseline and an upper bound.

    What is done stays done: the same command goes on after a stop. Exit status 1 when a training has failed.
    """
    from cqb_bench.bench import plan_bench
    from cqb_bench.report import BENCH
    from cqb_core import Labels
    from cqb_core.training import parse_options
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
        trust_config=trust_config,
    )
    if dry_run:
        console().print(sweep.table())
        return
    seconds = None if limit is None else 60 * limit
    written = run_sweep(
        sweep, out, executor_of(workers, ray), seconds, retry_failed, keep_weights, check, reuse=reuse or ()
    )
    typer.echo(f"results: {written}")
    failed = SweepTables(out, BENCH).failed & {planned.pilot.key for planned in sweep.trainings}
    raise typer.Exit(int(bool(failed)))
