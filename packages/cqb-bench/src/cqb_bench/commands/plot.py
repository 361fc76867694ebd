"""`cqb-bench plot`."""

from pathlib import Path
from typing import Annotated

import typer


def plot(
    folder: Annotated[Path, typer.Argument(help="Folder of `cqb-bench run`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture: PNG, SVG or PDF by its ending.")],
) -> None:
    """Draw metric against cost, a panel a task and a curve a method."""
    from cqb_bench.plot import require_plottable, write_plot
    from cqb_bench.results import read_results

    require_plottable(out)
    write_plot(read_results(folder), out)
    typer.echo(f"plot: {out}")
