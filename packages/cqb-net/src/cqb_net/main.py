"""The `cqb-net` command. Verbs import what they need when they run, so that `--help` is quick."""

import sys
from typing import Annotated

import typer

from cqb_net.commands import data, evaluate, index, pilot, predict, study, train

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
    """Run the command: 0 when all is well, 1 with one sentence for what a user got wrong, 2 for a wrong call.

    Anything else is a defect of ours and shows a traceback.
    """
    try:
        app(prog_name="cqb-net")
    except _input_errors() as error:
        _stop(error)
    except RuntimeError as error:
        # By name: the class lives beside torch, which a failed `data check` need not import.
        if type(error).__name__ not in ("NonFiniteLossError", "ProcessLostError"):
            raise
        _stop(error)


def _input_errors() -> tuple[type[Exception], ...]:
    """What our packages raise on wrong input, as far as they were imported; asked only when something was raised."""
    return tuple(sys.modules[name].InputError for name in ("cqb_core", "cqb_pareto") if name in sys.modules)


def _stop(error: Exception) -> None:
    typer.secho(f"error: {error}", fg="red", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
