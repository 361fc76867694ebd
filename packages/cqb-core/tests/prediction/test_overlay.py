import numpy as np
import pytest

from cqb_core.prediction.overlay import OPACITY, draw_overlay
from cqb_core.segments import PanopticMap, Segment
from cqb_core.taxonomy import Category, Taxonomy

SKY = (10, 20, 250)
TAXONOMY = Taxonomy((Category(1, "cat", True, (250, 120, 10)),), (Category(2, "sky", False, SKY),))
GREY = 100


def drawn(ids, *segments, taxonomy=TAXONOMY):
    return draw_overlay(np.full((*ids.shape, 3), GREY, np.uint8), PanopticMap(ids, segments), taxonomy)


def blended(color):
    return [round((1 - OPACITY) * GREY + OPACITY * channel) for channel in color]


def test_stuff_has_its_colour_and_void_is_as_photographed():
    ids = np.zeros((500, 600), np.int32)
    ids[:, :300] = 7
    made = drawn(ids, Segment(7, 2))
    assert made.shape == (500, 600, 3)
    assert made[20, 20].tolist() == blended(SKY)
    assert made[20, 580].tolist() == [GREY] * 3
    assert made[20, 300].tolist() == [60, 60, 60]


def test_things_are_outlined_in_white_and_differ_from_each_other():
    ids = np.zeros((500, 600), np.int32)
    ids[100:200, 100:200], ids[100:200, 200:300] = 1, 2
    made = drawn(ids, Segment(1, 1), Segment(2, 1))
    assert made[110, 199].tolist() == made[110, 200].tolist() == [255, 255, 255]
    assert made[110, 110].tolist() == blended((250, 120, 10))
    assert made[110, 110].tolist() != made[110, 290].tolist()


def test_a_name_is_written_where_there_is_room():
    wide, narrow = np.zeros((500, 600), np.int32), np.zeros((500, 600), np.int32)
    wide[200:300, 200:400] = narrow[200:300, 200:204] = 1
    written = drawn(wide, Segment(1, 2))[202:298, 202:398]
    assert (written == 255).all(axis=-1).any()
    assert (written == 0).all(axis=-1).any()
    assert not (drawn(narrow, Segment(1, 2)) == 255).all(axis=-1).any()


def test_a_name_stays_inside_its_segment():
    ids = np.zeros((500, 600), np.int32)
    ids[:, 300:][np.tri(500, 300, -200, dtype=bool)] = 1
    made, inside = drawn(ids, Segment(1, 2)), ids == 1
    assert (made[inside] == 255).all(axis=1).any()
    assert not (made[~inside] == 255).all(axis=1).any()


def test_a_wide_row_alone_is_no_room():
    ids = np.zeros((500, 600), np.int32)
    ids[200:203, 100:500] = ids[203:400, 300:304] = 1
    assert not (drawn(ids, Segment(1, 2)) == 255).all(axis=-1).any()


@pytest.mark.parametrize(
    ("size", "scale"), [((96, 80), 4), ((128, 128), 3), ((200, 90), 2), ((360, 480), 1), ((5, 5), 4)]
)
def test_small_images_are_enlarged(size, scale):
    made = drawn(np.ones(size, np.int32), Segment(1, 2))
    assert made.shape == (size[0] * scale, size[1] * scale, 3)


def test_the_photograph_is_left_alone():
    image, ids = np.full((50, 50, 3), GREY, np.uint8), np.ones((50, 50), np.int32)
    draw_overlay(image, PanopticMap(ids, (Segment(1, 1),)), TAXONOMY)
    assert (image == GREY).all()


def test_a_map_without_segments_is_the_photograph():
    assert (drawn(np.zeros((500, 500), np.int32)) == GREY).all()
