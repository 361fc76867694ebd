import numpy as np
import pytest

from cqb_core.prediction import draw_overlay, draw_sheet
from cqb_core.scenes import TAXONOMY
from cqb_core.segments import PanopticMap, Segment


@pytest.mark.parametrize("across", [1, 2])
def test_photograph_truth_and_prediction_stand_side_by_side(across):
    photo = np.full((400, 400, 3), 90, np.uint8)
    truth = PanopticMap(np.ones((400, 400), np.int32), (Segment(1, TAXONOMY.stuff[0].id),))
    found = PanopticMap(np.ones((400, 400), np.int32), (Segment(1, TAXONOMY.stuff[1].id),))
    sheet = draw_sheet([photo, photo], [truth, truth], [found, found], TAXONOMY, across)
    assert sheet.shape == (8 + 28 + 408 * (2 // across), 8 + 408 * 3 * across, 3)
    for column, cell in enumerate((photo, draw_overlay(photo, truth, TAXONOMY), draw_overlay(photo, found, TAXONOMY))):
        left = 8 + column * 408
        np.testing.assert_array_equal(sheet[28:428, left : left + 400], cell)
