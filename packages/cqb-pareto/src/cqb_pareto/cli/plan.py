"""`cqb-pareto plan`: the labels worth buying."""

from pathlib import Path
from typing import Annotated

import typer

from cqb_pareto.cli import options as o


def plan(
    pilots: o.PilotFile,
    prices: o.Prices = "paper-text",
    budget: o.Budget = None,
    target_pq: o.Target = None,
    unit: o.Unit = "relative",
    images: o.Images = 1000,
    out: Annotated[Path | None, typer.Option(help="Write the plan as JSON.")] = None,
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
    """The allocation with the best expected PQ within a budget, or the cheapest that reaches a PQ."""
    from cqb_pareto.plan import plan as make_plan
    from cqb_pareto.plan_file import write_plan
    from cqb_pareto.report.words import plan_lines

    made = make_plan(
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
    for line in [*plan_lines(made), *(f"Note: {note}" for note in made.notes)]:
        typer.echo(line)
    if out is not None:
        typer.echo(f"Plan written to {write_plan(made, out)}")
