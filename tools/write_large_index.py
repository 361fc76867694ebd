"""Write a synthetic COCO panoptic json of any size, for measuring what large data sets cost.

    python tools/write_large_index.py ROOT --images 118287

Images and maps are not written, only described; `draw` makes those of an entry that someone wants to open. An image is
divided into upright stripes, one a segment, so that every box and area follows from the number of segments.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from cqb_core.data.columns import PanopticEntry
from cqb_core.data.images import write_id_map, write_image
from cqb_core.files import replacing
from cqb_core.taxonomy import distinct_color

THINGS, STUFF = 80, 53
"""Classes, as COCO has them."""

SEGMENTS = 11.2
"""Segments of an image on average, as in COCO's panoptic_train2017."""

SIZES = ((640, 480), (480, 640), (640, 427), (500, 375))
"""Widths and heights, in turn."""

BLOCK = 1000
"""Images whose items are written at a time."""


def write_index(root: Path, images: int, name: str = "train2017", seed: int = 0) -> Path:
    """Write `annotations/panoptic_{name}.json` and the empty folders beside it.

    Args:
        root: of the data set.
        images: how many.
        name: of the split.
        seed: of numbers of segments and of classes.
    """
    path = root / "annotations" / f"panoptic_{name}.json"
    for folder in (root / name, path.with_suffix("")):
        folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"categories": {json.dumps(_categories())}, "images": [')
        _write_items(file, images, lambda number, rng: _image(number), seed)
        file.write('], "annotations": [')
        _write_items(file, images, _annotation, seed)
        file.write("]}")
    return path


def draw(root: Path, name: str, entry: PanopticEntry) -> None:
    """Write the image and the map of one entry."""
    ids = np.zeros((entry.height, entry.width), np.int32)
    for segment in entry.segments:
        x0, y0, x1, y1 = map(int, segment.bbox)
        ids[y0:y1, x0:x1] = segment.id
    write_id_map(root / "annotations" / f"panoptic_{name}" / entry.map_file, ids)
    colors = np.array([distinct_color(i % 255) for i in range(256)], np.uint8)
    write_image(root / name / entry.file_name, colors[ids % 256])


def _write_items(file, images, item, seed) -> None:
    rng = np.random.default_rng(seed)
    for first in range(0, images, BLOCK):
        block = [item(number, rng) for number in range(first, min(first + BLOCK, images))]
        file.write(("," if first else "") + json.dumps(block)[1:-1])


def _categories() -> list[dict]:
    return [{"id": i + 1, "name": f"class {i + 1}", "isthing": int(i < THINGS)} for i in range(THINGS + STUFF)]


def _image(number: int) -> dict:
    width, height = SIZES[number % len(SIZES)]
    name = f"{number + 1:012}.jpg"
    return {
        "license": 1,
        "file_name": name,
        "coco_url": f"images/train2017/{name}",
        "height": height,
        "width": width,
        "date_captured": "2013-11-14 17:02:52",
        "id": number + 1,
    }


def _annotation(number: int, rng: np.random.Generator) -> dict:
    width, height = SIZES[number % len(SIZES)]
    count = 1 + int(rng.poisson(SEGMENTS - 1))
    edges = np.linspace(0, width, count + 1).astype(int).tolist()
    ids = np.sort(rng.choice(2**24 - 1, count, replace=False) + 1).tolist()
    classes = rng.integers(1, THINGS + STUFF + 1, count).tolist()
    segments = [
        {
            "id": ids[k],
            "category_id": classes[k],
            "iscrowd": 0,
            "bbox": [edges[k], 0, edges[k + 1] - edges[k], height],
            "area": (edges[k + 1] - edges[k]) * height,
        }
        for k in range(count)
    ]
    return {"segments_info": segments, "file_name": f"{number + 1:012}.png", "image_id": number + 1}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--images", type=int, default=118_287)
    given = parser.parse_args()
    print(write_index(given.root, given.images))
