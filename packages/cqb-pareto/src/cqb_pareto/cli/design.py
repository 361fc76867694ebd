"""`cqb-pareto design`: which pilots to run next."""

from pathlib import Path
from typing import Annotated

import typer

from cqb_pareto.cli import options as o


def design(
    pilots: Annotated[Path | None, typer.Argument(help="CSV of the pilots so far; none for a first design.")] = None,
    runs: Annotated[int, typer.Option(help="How many runs the batch may have.")] = 8,
    out: Annotated[Path | None, typer.Option(help="Write the runs as rows of a pilot table.")] = None,
    prices: o.Prices = "paper-text",
    times: o.Times = None,
    kinds: o.Kinds = None,
    classes: o.Classes = "80,53",
    explored: Annotated[
        float,
        typer.Option(help="After pilots: part of the batch at shares far from all of them, whatever the fit says."),
    ] = 0.5,
    seed: o.Seed = 0,
) -> None:
    """The runs (label sets, share, seed) from which the recommendation is expected to gain most."""
    from cqb_pareto.atomic import write_atomically
    from cqb_pareto.design import first_design, next_pilots, to_csv

    listed, weights = o.prices_of(prices, times, None, "USD", 0.0, None), o.weights_of(classes)
    if pilots is None:
        chosen = first_design(o.kinds_of(kinds) or ("P", "I", "B", "S"), listed, runs, weights, seed=seed)
    else:
        chosen = next_pilots(
            o.pilots_of(pilots), listed, runs, o.kinds_of(kinds), weights, seed=seed, explored=explored
        )
    table = to_csv(chosen)
    typer.echo(table, nl=False)
    if out is not None:
        typer.echo(f"Runs written to {write_atomically(out, table)}", err=True)
