"""`cqb-pareto plan`: the labels worth buying."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cqb_pareto.cli.asked import with_study

if TYPE_CHECKING:
    import cqb_pareto


@with_study
def plan(
    made: "cqb_pareto.Study",
    out: Annotated[Path | None, typer.Option(help="Write the plan as JSON.")] = None,
) -> None:
    """The allocation with the best expected PQ within a budget, or the cheapest that reaches a PQ."""
    from cqb_pareto.plan_file import write_plan
    from cqb_pareto.report.words import told

    for line in told(made.plan):
        typer.echo(line)
    if out is not None:
        typer.echo(f"Plan written to {write_plan(made.plan, out)}")
