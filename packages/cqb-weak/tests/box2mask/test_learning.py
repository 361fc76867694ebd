"""Box2Mask teaches masks from boxes alone, and without its guards it teaches rectangles."""

import pytest

from cqb_weak.examples.box2mask_crops import run


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_masks_from_boxes_alone(seed):
    scores = run(steps=350, seed=seed)
    assert scores.guarded > 0.72
    assert scores.guarded > scores.filled + 0.16
    assert scores.unguarded < scores.filled + 0.08
