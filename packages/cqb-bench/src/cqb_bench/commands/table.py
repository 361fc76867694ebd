"""`cqb-bench table`."""

from pathlib import Path
from typing import Annotated

import typer


def table(
    folder: Annotated[Path, typer.Argument(help="Folder of `cqb-bench run`.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead.")] = False,
) -> None:
    """Show what every method came to at each share, and where another one beats CQB-Net's own."""
    from cqb_bench import table as shown
    from cqb_bench.results import read_results
    from cqb_net.terminal import console

    for task, standings in read_results(folder).items():
        if markdown:
            typer.echo(f"{shown.markdown(task, standings)}\n")
        else:
            console().print(shown.rich_table(task, standings))
