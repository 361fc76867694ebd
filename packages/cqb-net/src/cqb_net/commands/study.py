"""`cqb-net study`."""

from pathlib import Path
from typing import Annotated

import typer

from cqb_net.commands.options import AllowUnseen, Overrides, RayAddress, TrustConfig, Workers, executor_of, numbers


def study(
    data: Annotated[Path, typer.Option(help="Data set in COCO panoptic layout.")],
    config: Annotated[str, typer.Option(help="Name of a config with modules, such as cqb-net_tiny_scenes, or a file.")],
    out: Annotated[Path, typer.Option(help="Folder for everything that the study makes.")],
    budget: Annotated[float, typer.Option(min=0, help="What may be spent on labels, in --unit.")],
    unit: Annotated[str, typer.Option(help="Unit of the budget: relative, images, hours or money.")] = "relative",
    prices: Annotated[str, typer.Option(help="A named list of cqb-pareto, or a CSV of prices.")] = "paper-text",
    wage: Annotated[float | None, typer.Option(help="Money per hour of labelling.")] = None,
    shares: Annotated[str, typer.Option(help="Shares of fully labelled images in the pilots.")] = "0.1,0.3,0.5",
    pilot_seeds: Annotated[int, typer.Option(min=1, help="Trainings of each pilot.")] = 3,
    kinds: Annotated[
        str, typer.Option(help="Label sets to pilot on the other images, beside full labels alone.")
    ] = "I,B,B+I,S",
    rows: Annotated[
        str | None, typer.Option(help="Rows of Table 2 to pilot instead, such as Cls2Box,Box2Mask.")
    ] = None,
    design: Annotated[
        Path | None, typer.Option(help="CSV of cqb-pareto design, instead of shares, kinds and rows.")
    ] = None,
    pilot_epochs: Annotated[int | None, typer.Option(min=1, help="Length of a pilot; the config's by default.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Length of the final trainings; likewise.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each final allocation.")] = 1,
    rivals: Annotated[int, typer.Option(min=0, help="Random allocations of equal cost to compare with.")] = 0,
    workers: Workers = None,
    ray: RayAddress = None,
    option: Overrides = None,
    trust_config: TrustConfig = False,
    allow_unseen: AllowUnseen = False,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="Let the plan leave the shares that were piloted.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the plan and of the random allocations.")] = 0,
) -> None:
    """From images, prices and a budget to a trained network: pilots, plan, labels, training, evaluation, report.

    The same command continues a study that was stopped.
    """
    from rich.table import Table

    from cqb_core.training import parse_options
    from cqb_net.study import run_study
    from cqb_net.terminal import console
    from cqb_pareto import load_prices
    from cqb_pareto.report.words import told

    made = run_study(
        data,
        config,
        out,
        budget=budget,
        unit=unit,
        prices=load_prices(prices).with_terms(hourly_wage=wage),
        shares=numbers(shares, "--shares"),
        pilot_seeds=pilot_seeds,
        rows=None if rows is None else rows.split(","),
        design=design,
        kinds=kinds.split(","),
        pilot_epochs=pilot_epochs,
        epochs=epochs,
        seeds=seeds,
        rivals=rivals,
        options=parse_options(option or []),
        executor=executor_of(workers, ray),
        seed=seed,
        trust_config=trust_config,
        allow_unseen=allow_unseen,
        extrapolate=extrapolate,
    )
    for line in told(made.plan):
        typer.echo(line)
    table = Table("trained on", "seed", "labels", "cost", "PQ", "things", "stuff")
    for score in made.scores:
        shares_of = ", ".join(f"{kind.short} {share:.3f}" for kind, share in score.trial.allocation.items())
        quality = [f"{float(score.result[name]):.1f}" for name in ("pq", "pq_th", "pq_st")]
        table.add_row(score.trial.name, str(score.trial.seed), shares_of, f"{score.cost:.3f}", *quality)
    console().print(table)
    typer.echo(f"report: {made.page}")
