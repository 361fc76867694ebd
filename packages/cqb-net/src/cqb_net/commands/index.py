"""`cqb-net data index`."""

from pathlib import Path
from typing import Annotated

import typer


def index(
    root: Annotated[Path, typer.Argument(help="Folder that holds the folder of images.")],
    classes: Annotated[Path, typer.Option(help="CSV with the columns name and kind (thing or stuff).")],
    split: Annotated[str, typer.Option(help="The folder of images, and the split's name.")] = "train",
) -> None:
    """Make a data set of photographs that nobody has labelled yet, so that labels can be assigned to them.

    Writes annotations/panoptic_SPLIT.json with every image and class, and no segment.
    """
    from cqb_core.data.bare_images import index_images
    from cqb_core.progress import reporting

    with reporting(f"index {split}") as report:
        made = index_images(root, split, classes, report)
    kinds = f"{made.taxonomy.num_things} thing and {made.taxonomy.num_stuff} stuff classes"
    typer.echo(f"{root / 'annotations' / f'panoptic_{split}.json'}: {len(made.entries)} images, {kinds}")
