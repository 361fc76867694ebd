"""`cqb-net train`."""

from pathlib import Path
from typing import Annotated

import typer

from cqb_net.commands.options import TrustConfig


def train(
    config: Annotated[str, typer.Argument(help="Name of an installed config, or a file (--trust-config).")],
    data: Annotated[Path, typer.Option(help="Data set in COCO panoptic layout.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, logs and curves.")],
    labels: Annotated[
        Path | None, typer.Option(help="Assignment file; every label of every image if left out.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in OUT.")] = False,
    seed: Annotated[int, typer.Option(help="Of weights, order and augmentation.")] = 0,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Train that long, with the schedule stretched; the config says by default."),
    ] = None,
    amp: Annotated[bool, typer.Option("--amp", help="Mixed precision; needs a GPU.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave broken images out instead of stopping.")] = False,
    check: Annotated[bool, typer.Option(help="Look at every file that will be read before training.")] = True,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="Config entry to override, such as train_dataloader.batch_size=8.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option("--without", help="Module of CQB-Net to switch off, such as Relation, or all.")
    ] = None,
    trust_config: TrustConfig = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show mmengine's log.")] = False,
) -> None:
    """Train a panoptic network on images with mixed labels."""
    from cqb_core.training import load_config, parse_options
    from cqb_core.training import train as train_network
    from cqb_net.modules import without

    checkpoint = train_network(
        without(load_config(config, trust_config), leave_out or []),
        data,
        out,
        labels,
        resume=resume,
        seed=seed,
        epochs=epochs,
        amp=amp,
        check=check,
        skip_bad=skip_bad,
        options=parse_options(option or []),
        verbose=verbose,
    )
    typer.echo(f"trained: {checkpoint}")
