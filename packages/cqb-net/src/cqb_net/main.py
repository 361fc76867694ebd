"""The `cqb-net` command. Verbs import what they need when they run, so that `--help` is quick."""

import sys

import typer
from click.exceptions import ClickException

from cqb_net.commands import data, evaluate, predict, train

app = typer.Typer(
    name="cqb-net",
    help="Train and evaluate panoptic networks on whatever labels you can afford.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context, show: bool = typer.Option(False, "--version", help="Show the version and exit.")
) -> None:
    """Train and evaluate panoptic networks on whatever labels you can afford."""
    if show:
        from cqb_net import __version__

        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command; what a user got wrong is one sentence and exit status 1, anything else a traceback."""
    try:
        app()
    except Exception as error:
        if not _is_users(error):
            raise
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)


def _is_users(error: Exception) -> bool:
    from cqb_core.errors import InputError

    kinds = {"NonFiniteLossError"}
    return isinstance(error, InputError) or (type(error).__name__ in kinds and not isinstance(error, ClickException))


if __name__ == "__main__":
    main()
