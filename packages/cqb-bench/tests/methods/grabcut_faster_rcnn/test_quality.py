import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cqb_bench.methods.grabcut_faster_rcnn.cut import Cut, GrabCut, pixels_of
from cqb_bench.methods.grabcut_faster_rcnn.quality import cut_quality
from cqb_core import InputError
from cqb_core.data.images import read_id_map, write_id_map
from cqb_core.data.panoptic_files import find_split, read_split

CAMVID = Path(os.environ.get("CQB_DATA", Path(__file__).parents[6] / "shared" / "data")) / "camvid"


def written(root, things):
    """One image with an L-shaped thing (id 5) in the box 10, 10, 30, 30 and, all around it, stuff (id 9)."""
    ids = np.full((40, 50), 9, np.int32)
    ids[10:30, 10:16] = ids[24:30, 10:30] = 5
    colours = np.where((ids == 5)[..., None], [200, 30, 20], [20, 60, 200]).astype(np.uint8)
    for folder in ("train", "annotations/panoptic_train"):
        (root / folder).mkdir(parents=True)
    Image.fromarray(colours).save(root / "train" / "a.png")
    write_id_map(root / "annotations" / "panoptic_train" / "a.png", ids)
    area = int((ids == 5).sum())
    segments = [
        {"id": 5, "category_id": 1, "bbox": [10, 10, 20, 20], "area": area, "iscrowd": 0},
        {"id": 9, "category_id": 2, "bbox": [0, 0, 50, 40], "area": 2000 - area, "iscrowd": 0},
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 50, "height": 40}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments if things else segments[1:]}],
        "categories": [{"id": 1, "name": "l", "isthing": 1}, {"id": 2, "name": "ground", "isthing": 0}],
    }
    (root / "annotations" / "panoptic_train.json").write_text(json.dumps(content))
    return root


def test_an_l_is_cut_exactly_and_fills_half_its_box(tmp_path):
    made = cut_quality(written(tmp_path, True), cut=GrabCut(core=0.0, least=0.0))
    assert made.outcomes == {"cut": 1}
    assert made.iou == 1.0
    assert made.filled_iou == pytest.approx((20 * 6 + 14 * 6) / 400)
    assert 0 < made.milliseconds[0] == made.milliseconds[2]


def test_what_cutting_says_is_what_is_scored(tmp_path):
    def half(image, box):
        rows, columns = pixels_of(box, *image.shape[:2])
        inside = np.zeros((20, 20), bool)
        inside[:, :6] = True
        return Cut.of(rows, columns, inside)

    assert cut_quality(written(tmp_path, True), cut=half).iou == pytest.approx(120 / 204)


def test_images_without_things_are_refused(tmp_path):
    with pytest.raises(InputError, match="images: wanted at least one thing, got none"):
        cut_quality(written(tmp_path, False))


def test_every_thing_of_real_photographs_counts_once():
    if not CAMVID.is_dir():
        pytest.skip("no camvid: set CQB_DATA to a folder that has it")
    made = cut_quality(CAMVID, images=2)
    found = find_split(CAMVID, "train")
    index, shares = read_split(found), []
    for entry in index.entries[:2]:
        ids = read_id_map(found.map_path(entry))
        for segment in entry.segments:
            if segment.category_id in {thing.id for thing in index.taxonomy.things} and not segment.iscrowd:
                x0, y0, x1, y1 = map(round, segment.bbox)
                shares.append((ids[y0:y1, x0:x1] == segment.id).mean())
    assert sum(made.outcomes.values()) == len(shares) > 0
    assert made.filled_iou == pytest.approx(np.mean(shares))
