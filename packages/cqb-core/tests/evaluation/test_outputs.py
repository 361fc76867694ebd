import numpy as np
import torch
from mmdet.evaluation import INSTANCE_OFFSET

from cqb_core.evaluation.outputs import detections, panoptic_map
from cqb_core.segments import PanopticMap, Segment


def test_a_fused_map_is_decoded_into_segments_of_published_categories(taxonomy):
    void = len(taxonomy.categories)
    person_1, person_2, car = 1 + 1 * INSTANCE_OFFSET, 1 + 2 * INSTANCE_OFFSET, 0 + 1 * INSTANCE_OFFSET
    coded = np.array([[2, 2, person_2], [void, car, person_1], [3, car, person_1]])
    made = panoptic_map(coded, taxonomy)
    shown = {
        segment.category_id: (made.ids == segment.id).tolist() for segment in made.segments if segment.category_id > 5
    }
    assert shown == {
        95: [[True, True, False], [False, False, False], [False, False, False]],
        6: [[False, False, False], [False, False, False], [True, False, False]],
        200: [[False, False, False], [False, True, False], [False, True, False]],
    }
    assert [segment.category_id for segment in made.segments].count(1) == 2
    assert made.ids[1, 0] == 0
    assert [segment.id for segment in made.segments] == [1, 2, 3, 4, 5]


def test_a_map_of_void_has_no_segment(taxonomy):
    made = panoptic_map(np.full((2, 3), len(taxonomy.categories)), taxonomy)
    assert made.segments == ()
    assert isinstance(made, PanopticMap)
    assert not made.ids.any()


def test_ids_of_segments_are_those_of_the_map(taxonomy):
    made = panoptic_map(np.array([[0, 2]]), taxonomy)
    assert made.segments == (Segment(1, 200), Segment(2, 95))
    assert made.ids.tolist() == [[1, 2]]


def test_detections_carry_published_categories(taxonomy):
    found = {
        "bboxes": torch.tensor([[0.0, 1, 2, 3], [1, 1, 4, 4]]),
        "scores": torch.tensor([0.9, 0.3]),
        "labels": torch.tensor([1, 0]),
        "masks": torch.ones(2, 4, 4, dtype=torch.bool),
    }
    made = detections(found, taxonomy)
    assert made.category_ids.tolist() == [1, 200]
    assert made.boxes.tolist() == [[0, 1, 2, 3], [1, 1, 4, 4]]
    assert made.masks.dtype == bool
    assert detections({key: found[key] for key in ("bboxes", "scores", "labels")}, taxonomy).masks is None


def test_no_detection_is_no_row(taxonomy):
    found = {"bboxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.long)}
    made = detections(found, taxonomy)
    assert (len(made.boxes), len(made.category_ids)) == (0, 0)
