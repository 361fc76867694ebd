"""The `cqb-bench` command. Verbs import what they need when they run, so that `--help` is quick."""

from typing import Annotated

import typer

from cqb_bench.commands import methods, plot, run, table
from cqb_net.terminal import run_app

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
    """Run the command, see `run_app`."""
    run_app(app, "cqb-bench")


if __name__ == "__main__":
    main()
