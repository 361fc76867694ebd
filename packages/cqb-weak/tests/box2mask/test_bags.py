import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.box2mask import bags

GT = torch.tensor([[40.0, 30, 200, 180], [150, 60, 300, 220], [10, 100, 90, 230]])[[0, 0, 0, 1, 1, 2]]
ROIS = torch.tensor(
    [
        [40.0, 30, 200, 180],
        [20, 20, 190, 200],
        [60, 50, 230, 170],
        [140, 70, 310, 230],
        [160, 40, 280, 200],
        [5, 90, 100, 239],
    ]
)
# What the public code of Hsu et al. 2019 gave for these boxes: 28 rows, then 28 columns.
PUBLIC_CODE = [
    "1" * 56,
    "0011111111111111111111111000" + "0001111111111111111111111111",
    "1" * 51 + "0" * 5,
    "1" * 26 + "00" + "0011" + "1" * 22 + "00",
    "0000" + "1" * 52,
    "00" + "1" * 24 + "000" + "1" * 24 + "000",
]
REFERENCE = Path(os.environ.get("CQB_REFERENCE", Path(__file__).parents[4].parent / "shared" / "reference"))


def bits(rows: torch.Tensor, cols: torch.Tensor) -> list[str]:
    return ["".join(str(int(bit)) for bit in bag) for bag in torch.cat([rows, cols], 1)]


def random_boxes(seed: int, count: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """RoIs and boxes that overlap them more or less, xyxy."""
    rng = np.random.default_rng(seed)
    low, size = rng.uniform(0, 100, (count, 2)), rng.uniform(8, 90, (count, 2))
    rois = np.hstack([low, low + size])
    boxes = rois + rng.uniform(-0.45, 0.45, (count, 4)) * np.hstack([size, size])
    return torch.tensor(rois), torch.tensor(boxes)


@pytest.mark.skipif(not (REFERENCE / "oracles.json").is_file(), reason="no shared/reference here")
def test_the_numbers_below_are_those_of_the_reference():
    oracle = json.loads((REFERENCE / "oracles.json").read_text())["oracles"]["bbtp"]["result"]
    assert oracle["bag_labels_rows_then_cols"] == PUBLIC_CODE


def test_public_codes_bags():
    assert bits(*bags(ROIS, GT, (28, 28))) == PUBLIC_CODE


def test_a_drawn_box():
    rows, cols = bags(torch.tensor([[0.0, 0, 8, 4]]), torch.tensor([[2.0, 1, 5, 3]]), (4, 8))
    assert bits(rows, cols) == ["0110" + "00111000"]


@pytest.mark.parametrize(("edge", "first"), [(2.29, 2), (2.41, 2), (2.49, 2), (2.51, 3), (2.59, 3)])
def test_edges_are_rounded_to_fifths(edge, first):
    _, cols = bags(torch.tensor([[0.0, 0, 8, 8]]), torch.tensor([[edge, 0, 8, 8]]), (8, 8))
    assert int(cols[0].long().argmax()) == first


@pytest.mark.parametrize("seed", range(5))
def test_same_cells_as_pycocotools(seed):
    mask = pytest.importorskip("pycocotools.mask")
    rois, boxes = random_boxes(seed)
    rows, cols = bags(rois, boxes, (28, 20))
    for roi, box, row, col in zip(rois.numpy(), boxes.numpy(), rows, cols, strict=True):
        scale = np.array([20, 28]) / (roi[2:] - roi[:2])
        (x0, y0), (x1, y1) = (np.clip((box[k : k + 2] - roi[:2]) * scale, 0, [20, 28]) for k in (0, 2))
        drawn = mask.decode(mask.merge(mask.frPyObjects([[x0, y0, x1, y0, x1, y1, x0, y1]], 28, 20)))
        assert (drawn.astype(bool) == (row[:, None] & col).numpy()).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_flipping_the_boxes_flips_the_bags(seed):
    rois, boxes = random_boxes(seed, 5)
    rows, cols = bags(rois, boxes, (14, 14))
    flipped = [torch.stack([200 - p[:, 2], p[:, 1], 200 - p[:, 0], p[:, 3]], 1) for p in (rois, boxes)]
    again_rows, again_cols = bags(*flipped, (14, 14))
    assert torch.equal(again_rows, rows)
    assert torch.equal(again_cols, cols.flip(1))


def test_transposing_the_image_swaps_rows_and_columns():
    rois, boxes = random_boxes(3)
    rows, cols = bags(rois, boxes, (14, 20))
    swap = [1, 0, 3, 2]
    again_cols, again_rows = bags(rois[:, swap], boxes[:, swap], (20, 14))
    assert torch.equal(rows, again_rows)
    assert torch.equal(cols, again_cols)


def test_a_box_elsewhere_leaves_all_bags_negative():
    rows, cols = bags(torch.tensor([[0.0, 0, 8, 8]]), torch.tensor([[20.0, 2, 30, 6]]), (8, 8))
    assert not rows.any()
    assert not cols.any()


def test_half_precision_boxes_are_computed_in_full():
    halves = bags(ROIS.half(), GT.half(), (28, 28))
    assert bits(*halves) == PUBLIC_CODE


def test_no_rois():
    rows, cols = bags(torch.zeros(0, 4), torch.zeros(0, 4), (28, 14))
    assert (rows.shape, cols.shape) == ((0, 28), (0, 14))


@pytest.mark.parametrize(
    ("rois", "boxes", "message"),
    [
        ([[0.0, 0, 0, 5]], [[0.0, 0, 1, 1]], r"rois\[0\]: wanted .*x0 < x1.* got \[0.0, 0.0, 0.0, 5.0\]"),
        ([[0.0, 0, 5, 5]], [[3.0, 0, 1, 1]], r"gt_boxes\[0\]: wanted .*x0 < x1.* got \[3.0, 0.0, 1.0, 1.0\]"),
        ([[0.0, 0, 5, 5]], [[float("nan"), 0, 1, 1]], r"gt_boxes\[0\]: wanted finite .* got \[nan"),
        ([[0.0, 0, 5, float("inf")]], [[0.0, 0, 1, 1]], r"rois\[0\]: wanted finite .* inf\]"),
    ],
)
def test_boxes_without_area(rois, boxes, message):
    with pytest.raises(ValueError, match=message):
        bags(torch.tensor(rois), torch.tensor(boxes), (8, 8))
