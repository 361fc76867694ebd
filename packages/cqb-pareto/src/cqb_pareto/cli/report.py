"""`cqb-pareto report`: the plan as a page to play with."""

from pathlib import Path
from typing import Annotated

import typer

from cqb_pareto.cli import options as o


def report(
    pilots: o.PilotFile,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    png: Annotated[Path | None, typer.Option(help="Write the front as a PNG, too.")] = None,
    prices: o.Prices = "paper-text",
    budget: o.Budget = None,
    target_pq: o.Target = None,
    unit: o.Unit = "relative",
    images: o.Images = 1000,
    times: o.Times = None,
    wage: o.Wage = None,
    currency: o.Currency = "USD",
    review: o.Review = 0.0,
    owned: o.Owned = None,
    kinds: o.Kinds = None,
    least: o.Least = None,
    most: o.Most = None,
    classes: o.Classes = "80,53",
    model: o.Model = None,
    seed: o.Seed = 0,
) -> None:
    """One HTML file: front, responses, plan, and inputs for prices and budget that recompute it in the page."""
    from cqb_pareto.plan import study
    from cqb_pareto.report import Page, write_front_png, write_report

    made = study(
        o.pilots_of(pilots),
        o.prices_of(prices, times, wage, currency, review, owned),
        budget=budget,
        target_pq=target_pq,
        unit=unit,
        images=images,
        kinds=o.kinds_of(kinds),
        least=o.shares_by_kind(least, "--min"),
        most=o.shares_by_kind(most, "--max"),
        weights=o.weights_of(classes),
        family=model,
        seed=seed,
    )
    page = Page.of(made)
    typer.echo(f"Report written to {write_report(page, out)}")
    if png is not None:
        typer.echo(f"Front written to {write_front_png(page, png)}")
