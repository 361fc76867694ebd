"""How good GrabCut's masks are on a data set and what they cost, before anything is trained on them.

`python -m cqb_bench.methods.grabcut_faster_rcnn.quality DATA --images 25` cuts in the true boxes of the train split.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import typer
from jaxtyping import Bool, UInt8

from cqb_bench.methods.grabcut_faster_rcnn.cut import Cut, GrabCut, pixels_of
from cqb_bench.methods.grabcut_faster_rcnn.report import summary
from cqb_core import InputError
from cqb_core.data.images import read_id_map, read_image
from cqb_core.data.panoptic_files import find_split, read_split


@dataclass(frozen=True)
class CutQuality:
    """What `GrabCut` makes of the boxes of some images.

    Args:
        outcomes: how many boxes had which, see `Cut`.
        iou: mean over the boxes of the overlap of mask and true mask, 0 to 1.
        filled_iou: the same of the filled boxes.
        milliseconds: of processor time a box, at the 5th, 50th and 95th percentile.
    """

    outcomes: Mapping[str, int]
    iou: float
    filled_iou: float
    milliseconds: tuple[float, float, float]


def cut_quality(
    data: str | PathLike[str],
    split: str = "train",
    images: int | None = None,
    cut: Callable[..., Cut] | None = None,
) -> CutQuality:
    """Cut in the true boxes of things, crowds left out, and compare with the true masks.

    Args:
        data: root of a data set in COCO panoptic layout.
        split: see `cqb_core.data.panoptic_files.find_split`.
        images: how many, from the first on; all by default.
        cut: from image and box to a mask; `GrabCut()` by default.

    Raises:
        InputError: when these images have no thing.
    """
    grabcut, outcomes = cut or GrabCut(), Counter[str]()
    overlaps: list[tuple[float, float]] = []
    seconds = []
    for image, truth, box in _things(data, split, images):
        start = time.process_time()
        made = grabcut(image, box)
        seconds.append(time.process_time() - start)
        outcomes[made.outcome] += 1
        whole = Cut.filled(*pixels_of(box, *truth.shape), "")
        overlaps.append((_iou(made.paint(*truth.shape), truth), _iou(whole.paint(*truth.shape), truth)))
    if not overlaps:
        raise InputError(data, "images", "at least one thing", "none")
    iou, filled_iou = np.mean(overlaps, axis=0)
    low, median, high = 1000 * np.quantile(seconds, [0.05, 0.5, 0.95])
    return CutQuality(outcomes, float(iou), float(filled_iou), (float(low), float(median), float(high)))


def _things(
    data: str | PathLike[str], split: str, images: int | None
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"], list[float]]]:
    """Photograph, true mask and box of each thing."""
    found = find_split(data, split)
    index = read_split(found)
    things = {category.id for category in index.taxonomy.things}
    for entry in index.entries[:images]:
        size = entry.width, entry.height
        image, ids = read_image(found.images_dir / entry.file_name, size), read_id_map(found.map_path(entry), size)
        for segment in entry.segments:
            if segment.category_id in things and not segment.iscrowd:
                yield image, ids == segment.id, [float(edge) for edge in segment.bbox]


def _iou(found: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    return float((found & truth).sum() / (found | truth).sum())


def _main(
    data: Path,
    split: str = "train",
    images: int = 25,
    iterations: int = GrabCut.iterations,
    core: float = GrabCut.core,
    context: float = GrabCut.context,
    least: float = GrabCut.least,
) -> None:
    """Print how good GrabCut's masks are on a data set."""
    try:
        made = cut_quality(data, split, images, GrabCut(iterations, core, context, least=least))
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    typer.echo(summary([made.outcomes]))
    typer.echo(f"mean IoU {made.iou:.3f}, of the filled boxes {made.filled_iou:.3f}")
    typer.echo(
        "processor milliseconds a box: {:.1f} to {:.1f} to {:.1f} (5th, 50th, 95th percentile)".format(
            *made.milliseconds
        )
    )


if __name__ == "__main__":
    typer.run(_main)
