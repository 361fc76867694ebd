"""`cqb-net predict`."""

from pathlib import Path
from typing import Annotated

import typer


def predict(
    checkpoint: Annotated[Path, typer.Argument(help="Training folder (its best checkpoint) or checkpoint.")],
    images: Annotated[list[Path], typer.Argument(help="Image files or folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder for overlay/, panoptic/ and panoptic.json.")],
) -> None:
    """Predict panoptic maps: an overlay of each image, and COCO panoptic json and png."""
    from cqb_core.prediction import predict as predict_images
    from cqb_core.progress import reporting

    with reporting("predict") as report:
        written = predict_images(checkpoint, images, out, report=report)
    typer.echo(f"overlays in {out / 'overlay'}, maps in {written}")
