"""`cqb-net evaluate`."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Training folder (its best checkpoint) or checkpoint.")],
    data: Annotated[Path, typer.Option(help="Data set in COCO panoptic layout.")],
    split: Annotated[str, typer.Option(help="Split to score.")] = "val",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="JSON file for the scores.")] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show mmengine's log.")] = False,
) -> None:
    """Score a trained network: PQ with intervals, box and mask AP, mIoU, per class."""
    from cqb_core.evaluation.run import evaluate as evaluate_network
    from cqb_core.files import require_writable
    from cqb_net.terminal import console

    if out is not None:
        require_writable(out)
    made = evaluate_network(checkpoint, data, split, verbose=verbose)
    console().print(made.table())
    if out is not None:
        made.write(out)
        typer.echo(f"scores: {out}")
