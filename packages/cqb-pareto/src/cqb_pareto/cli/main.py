"""The command line. numpy, scipy and plotly are imported inside the verbs, so that `--help` is quick."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer

from cqb_pareto.cli.design import design
from cqb_pareto.cli.fit import fit
from cqb_pareto.cli.paper import paper
from cqb_pareto.cli.plan import plan
from cqb_pareto.cli.report import report
from cqb_pareto.errors import InputError

P = ParamSpec("P")

app = typer.Typer(
    name="cqb-pareto",
    help="From pilot results and prices to the labels worth buying.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _plainly(verb: Callable[P, None]) -> Callable[P, None]:
    """A verb whose input errors are one line on stderr and exit status 2; anything else is our defect and shows."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            verb(*args, **kwargs)
        except InputError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from None

    return run


for _verb in (fit, plan, design, report, paper):
    app.command()(_plainly(_verb))
