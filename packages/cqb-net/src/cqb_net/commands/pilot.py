"""`cqb-net pilot`."""

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


def pilot(
    data: Annotated[Path, typer.Option(help="Data set in COCO panoptic layout.")],
    config: Annotated[str, typer.Option(help="Name of a config that has the modules, or a file.")],
    out: Annotated[Path, typer.Option(help="Folder for pilots.csv and all else; one of earlier pilots is continued.")],
    shares: Annotated[str, typer.Option(help="Panoptic shares of Table 2.")] = "0.1,0.3,0.5",
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions of Table 2, with other images and weights.")] = 3,
    design: Annotated[Path | None, typer.Option(help="CSV of `cqb-pareto design`, instead of Table 2.")] = None,
    rows: Annotated[
        str | None,
        typer.Option(help="Rows of Table 2: Cls2Box, Box2Mask, Relation st->th, Cls2Pixel, Relation th->st."),
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
    """Train the pilots of Table 2 and write the table that cqb-pareto reads.

    What is done stays done: the same command goes on after a stop. Exit status 1 when a training has failed.
    """
    from cqb_core.training import parse_options
    from cqb_net.pilots.comparison import compare, table
    from cqb_net.pilots.pilot import Recipe
    from cqb_net.pilots.planning import plan_sweep
    from cqb_net.pilots.runs import SweepTables
    from cqb_net.pilots.sweep import run_sweep, wanted_entries
    from cqb_net.terminal import console
    from cqb_pareto import read_pilots

    names = None if rows is None else rows.split(",")
    entries = wanted_entries(numbers(shares, "--shares"), seeds, names, design)
    recipe = Recipe.of(config, epochs, parse_options(option or []), trust_config)
    sweep = plan_sweep(data, recipe, entries, allow_unseen)
    if dry_run:
        console().print(sweep.table())
        return
    seconds = None if limit is None else 60 * limit
    written = run_sweep(
        sweep, out, executor_of(workers, ray), seconds, retry_failed, keep_weights, check, reuse=reuse or ()
    )
    if written.exists() and (compared := compare(read_pilots(written))):
        console().print(table(compared))
    typer.echo(f"pilots: {written}")
    failed = SweepTables(out).failed & {planned.pilot.key for planned in sweep.trainings}
    raise typer.Exit(int(bool(failed)))
