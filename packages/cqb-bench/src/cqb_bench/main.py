"""The `cqb-bench` command. Verbs import what they need when they run, so that `--help` is quick."""

import sys
from typing import Annotated

import typer

from cqb_bench.commands import methods, plot, run, table

app = typer.Typer(
    name="cqb-bench",
    help="Compare methods that learn from cheap labels in one harness.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("table")(table.table)
app.command("plot")(plot.plot)
app.command("methods")(methods.methods)


def _show_version(wanted: bool | None) -> None:
    if wanted:
        from cqb_bench import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = None,
) -> None:
    """Compare methods that learn from cheap labels in one harness."""


def main() -> None:
    """Run the command: 0 when all is well, 1 with one sentence for what a user got wrong, 2 for a wrong call.

    Anything else is a defect of ours and shows a traceback.
    """
    try:
        app(prog_name="cqb-bench")
    except _input_errors() as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)


def _input_errors() -> tuple[type[Exception], ...]:
    """What our packages raise on wrong input, as far as they were imported; asked only when something was raised."""
    return tuple(sys.modules[name].InputError for name in ("cqb_core", "cqb_pareto") if name in sys.modules)


if __name__ == "__main__":
    main()
