import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cqb_core.errors import InputError
from cqb_core.evaluation.mean_iou import MeanIou
from cqb_core.segments import PanopticMap, Segment
from cqb_core.taxonomy import IGNORE, Taxonomy

CAR, PERSON, SKY, ROAD = 200, 1, 95, 6


def test_iou_of_a_drawn_map(taxonomy):
    truth = PanopticMap(
        np.array([[1, 1, 1, 2], [2, 3, 0, 4]]),
        (Segment(1, SKY), Segment(2, CAR), Segment(3, CAR), Segment(4, PERSON, iscrowd=True)),
    )
    prediction = PanopticMap(np.array([[9, 9, 0, 8], [8, 9, 9, 9]]), (Segment(9, SKY), Segment(8, CAR)))
    metric = MeanIou(taxonomy)
    metric.update(prediction, truth, 1)
    np.testing.assert_array_equal(metric.confusion, [[2, 0, 1, 0, 0], [0] * 5, [0, 0, 2, 0, 1], [0] * 5])
    result = metric.result()
    assert [row.iou for row in result.classes] == [2 / 3, None, 1 / 2, None]
    assert (result.mean, result.images) == (pytest.approx(7 / 12, abs=1e-15), 1)


def test_a_class_that_only_the_prediction_shows_is_not_in_the_mean(taxonomy):
    metric = MeanIou(taxonomy)
    metric.update_semantic(np.array([[0, 1]]), np.array([[0, 0]]), 1)
    assert metric.result().mean == 0.5


def test_no_known_pixel_has_no_mean(taxonomy):
    metric = MeanIou(taxonomy)
    metric.update_semantic(np.array([[0, 1]]), np.full((1, 2), IGNORE), 1)
    assert metric.result().mean is None


@pytest.mark.parametrize("seed", range(3))
def test_panoptic_maps_equal_a_loop_over_pixels(seed, drawing):
    taxonomy, metric = drawing.taxonomy, MeanIou(drawing.taxonomy)
    wanted = np.zeros((4, 5), int)
    for image_id, (prediction, truth) in enumerate(drawing.pairs(seed, images=3)):
        metric.update(prediction, truth, image_id)
        true = {s.id: taxonomy.index[s.category_id] for s in truth.segments if not s.iscrowd}
        guess = {s.id: taxonomy.index[s.category_id] for s in prediction.segments}
        for t, p in zip(truth.ids.ravel().tolist(), prediction.ids.ravel().tolist(), strict=True):
            if t in true:
                wanted[true[t], guess.get(p, 4)] += 1
    np.testing.assert_array_equal(metric.confusion, wanted)


VALUES = st.sampled_from([0, 1, 2, 3, IGNORE])


@settings(deadline=None)
@given(hnp.arrays(np.uint8, (4, 5), elements=VALUES), hnp.arrays(np.uint8, (4, 5), elements=VALUES))
def test_semantic_and_panoptic_maps_agree(taxonomy, prediction, truth):
    semantic, panoptic = MeanIou(taxonomy), MeanIou(taxonomy)
    semantic.update_semantic(prediction, truth, 1)
    panoptic.update(*(as_panoptic(classes, taxonomy) for classes in (prediction, truth)), 1)
    np.testing.assert_array_equal(semantic.confusion, panoptic.confusion)
    assert semantic.result() == panoptic.result()


def as_panoptic(classes, taxonomy):
    """One segment a class, ids from 1."""
    ids = np.where(classes == IGNORE, 0, classes.astype(np.int32) + 1)
    shown = sorted(set(ids.ravel().tolist()) - {0})
    return PanopticMap(ids, tuple(Segment(i, taxonomy.categories[i - 1].id) for i in shown))


def test_faults_are_named(taxonomy):
    metric = MeanIou(taxonomy)
    good = np.zeros((2, 2), np.uint8)
    metric.update_semantic(good, good, "a")
    with pytest.raises(InputError, match="truth: image a: wanted an image that was not scored before, got it again"):
        metric.update_semantic(good, good, "a")
    with pytest.raises(InputError, match=r"prediction: image b: classes: wanted 0\.\.3 or 255, got 4"):
        metric.update_semantic(good + 4, good, "b")
    with pytest.raises(InputError, match=r"truth: image b: classes: wanted 0\.\.3 or 255, got 9"):
        metric.update_semantic(good, good + 9, "b")
    with pytest.raises(InputError, match=r"prediction: image b: wanted the truth's shape \(2, 2\), got \(1, 2\)"):
        metric.update_semantic(good[:1], good, "b")
    other = MeanIou(Taxonomy(taxonomy.things, ()))
    with pytest.raises(InputError, match="taxonomy: wanted the same classes"):
        metric.merge(other)
    again = MeanIou(taxonomy)
    again.update_semantic(good, good, "c")
    metric.merge(again)
    with pytest.raises(InputError, match="image c: wanted an image that was not scored before"):
        metric.merge(again)
    assert metric.result().images == 2
    assert metric.confusion[0, 0] == 8
