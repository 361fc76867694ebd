"""The `cqb-net` command. Verbs import what they need when they run, so that `--help` is quick."""

from typing import Annotated

import typer

from cqb_net.commands import data, evaluate, index, pilot, predict, study, train
from cqb_net.terminal import run_app

app = typer.Typer(
    name="cqb-net",
    help="Train and evaluate panoptic networks on whatever labels you can afford.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data.app.command("index")(index.index)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("pilot")(pilot.pilot)
app.command("study")(study.study)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)


def _show_version(wanted: bool | None) -> None:
    if wanted:
        from cqb_net import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = None,
) -> None:
    """Train and evaluate panoptic networks on whatever labels you can afford."""


def main() -> None:
    """Run the command, see `run_app`."""
    run_app(app, "cqb-net")


if __name__ == "__main__":
    main()
