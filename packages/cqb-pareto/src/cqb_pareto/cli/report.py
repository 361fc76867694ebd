"""`cqb-pareto report`: the plan as a page to play with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cqb_pareto.cli.asked import with_study

if TYPE_CHECKING:
    import cqb_pareto


@with_study
def report(
    made: "cqb_pareto.Study",
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    png: Annotated[Path | None, typer.Option(help="Write the front as a PNG, too.")] = None,
) -> None:
    """One HTML file: front, responses, plan, and inputs for prices and budget that recompute it in the page."""
    from cqb_pareto.report import Page, write_front_png, write_report

    page = Page.of(made)
    typer.echo(f"Report written to {write_report(page, out)}")
    if png is not None:
        typer.echo(f"Front written to {write_front_png(page, png)}")
