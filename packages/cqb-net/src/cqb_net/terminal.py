"""What a command shows on a terminal: tables on standard output, one sentence for what a user got wrong."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated

import typer
from rich.console import Console

WIDTH = 140
"""Columns of a table that goes to a file or a pipe, which have no width of their own."""

STOPS = ("NonFiniteLossError", "ProcessLostError")
"""Ends of a training that are told in a sentence; by name, since the classes live beside torch, which a failed
`data check` need not import."""


def console() -> Console:
    """Standard output, as wide as the terminal or `WIDTH`; names of classes with brackets in them stay as they are."""
    made = Console(highlight=False, markup=False)
    if not made.is_terminal:
        made.width = WIDTH
    return made


def new_app(name: str, what: str, package: str) -> typer.Typer:
    """A command without verbs yet, with `--version`.

    Args:
        name: as it is typed.
        what: it does, for `--help`.
        package: whose `__version__` is the command's.
    """
    app = typer.Typer(name=name, help=what, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    def show_version(wanted: bool | None) -> None:
        if wanted:
            typer.echo(import_module(package).__version__)
            raise typer.Exit

    @app.callback(help=what)
    def options(
        version: Annotated[
            bool | None,
            typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit."),
        ] = None,
    ) -> None:
        pass

    return app


def run_app(app: Callable[..., object], name: str) -> None:
    """Run a command: 0 when all is well, 1 with one sentence for what a user got wrong, 2 for a wrong call.

    Anything else is a defect of ours and shows a traceback.
    """
    try:
        app(prog_name=name)
    except _input_errors() as error:
        _stop(error)
    except RuntimeError as error:
        if type(error).__name__ not in STOPS:
            raise
        _stop(error)


def _input_errors() -> tuple[type[Exception], ...]:
    """What our packages raise on wrong input, as far as they were imported; asked only when something was raised."""
    return tuple(sys.modules[name].InputError for name in ("cqb_core", "cqb_pareto") if name in sys.modules)


def _stop(error: Exception) -> None:
    typer.secho(f"error: {error}", fg="red", err=True)
    sys.exit(1)
