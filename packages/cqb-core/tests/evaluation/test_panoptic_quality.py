import json
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cqb_core.errors import InputError
from cqb_core.evaluation.contributions import Contributions
from cqb_core.evaluation.files import evaluate_files
from cqb_core.evaluation.panoptic_quality import GroupQuality, PanopticQuality
from cqb_core.segments import VOID, PanopticMap, Segment
from cqb_core.taxonomy import Category, Taxonomy

CAR, PERSON, SKY, ROAD = 200, 1, 95, 6
TAXONOMY = Taxonomy(
    (Category(CAR, "car", True, (1, 2, 3)), Category(PERSON, "person", True, (4, 5, 6))),
    (Category(SKY, "sky", False, (7, 8, 9)), Category(ROAD, "road", False, (9, 9, 9))),
)


def score(prediction, predicted, truth, true):
    """(IoU sum, TP, FP, FN) of each class that has a segment, by category id."""
    quality = PanopticQuality(TAXONOMY)
    quality.update(PanopticMap(np.array(prediction), predicted), PanopticMap(np.array(truth), true), 1)
    rows = quality.contributions().values[0].tolist()
    return {c.id: tuple(row) for c, row in zip(TAXONOMY.categories, rows, strict=True) if any(row)}


def test_a_match_adds_its_iou():
    got = score([[5, 5, 5, 0]], (Segment(5, SKY),), [[8, 8, 9, 9]], (Segment(8, SKY), Segment(9, ROAD)))
    assert got == {SKY: (2 / 3, 1, 0, 0), ROAD: (0, 0, 0, 1)}


def test_an_iou_of_one_half_is_no_match():
    assert score([[5, 0]], (Segment(5, SKY),), [[8, 8]], (Segment(8, SKY),)) == {SKY: (0, 0, 1, 1)}


def test_the_union_leaves_out_the_void_of_the_truth():
    got = score([[5, 5, 5]], (Segment(5, SKY),), [[8, 8, 0]], (Segment(8, SKY),))
    assert got == {SKY: (1, 1, 0, 0)}


def test_another_class_does_not_match():
    got = score([[5, 5]], (Segment(5, SKY),), [[8, 8]], (Segment(8, ROAD),))
    assert got == {SKY: (0, 0, 1, 0), ROAD: (0, 0, 0, 1)}


@pytest.mark.parametrize(("void", "false_positives"), [(2, 1), (3, 0)])
def test_more_than_half_on_void_is_forgiven(void, false_positives):
    truth = [[0] * void + [8] * (4 - void)]
    got = score([[5] * 4], (Segment(5, SKY),), truth, (Segment(8, CAR, iscrowd=True),))
    assert got == ({SKY: (0, 0, 1, 0)} if false_positives else {})


def test_crowds_are_neither_matched_nor_missed():
    crowd = (Segment(8, CAR, iscrowd=True),)
    assert score([[5, 5]], (Segment(5, CAR),), [[8, 8]], crowd) == {}
    assert score([[5, 5]], (Segment(5, PERSON),), [[8, 8]], crowd) == {PERSON: (0, 0, 1, 0)}
    assert score([[0, 0]], (), [[8, 8]], crowd) == {}


@pytest.mark.parametrize(("order", "false_positives"), [((8, 9), 1), ((9, 8), 0)])
def test_only_the_last_crowd_of_a_class_forgives(order, false_positives):
    crowds = tuple(Segment(i, CAR, iscrowd=True) for i in order)
    got = score([[5, 5, 0]], (Segment(5, CAR),), [[8, 8, 9]], crowds)
    assert got.get(CAR, (0, 0, 0, 0))[2] == false_positives


def test_void_and_crowd_forgive_together():
    got = score([[5, 5, 5, 5]], (Segment(5, CAR),), [[0, 8, 8, 9]], (Segment(8, CAR, True), Segment(9, SKY)))
    assert got == {SKY: (0, 0, 0, 1)}


def test_true_pixels_without_a_row_in_the_table_are_not_void():
    got = score([[5, 5, 5, 5]], (Segment(5, SKY),), [[8, 8, 77, 77]], (Segment(8, SKY),))
    assert got == {SKY: (0, 0, 1, 1)}


def test_a_listed_true_segment_without_a_pixel_is_missed():
    assert score([[0]], (), [[0]], (Segment(8, SKY),)) == {SKY: (0, 0, 0, 1)}


def test_result_of_a_drawn_image():
    quality = PanopticQuality(TAXONOMY)
    prediction = PanopticMap(np.array([[5, 5, 6, 6]]), (Segment(5, CAR), Segment(6, SKY)))
    truth = PanopticMap(np.array([[8, 8, 8, 9]]), (Segment(8, CAR), Segment(9, ROAD)))
    quality.update(prediction, truth, "a")
    result = quality.result()
    assert result.images == len(quality) == 1
    assert result.things == GroupQuality(2 / 3, 2 / 3, 1.0, 1)
    assert result.stuff == GroupQuality(0.0, 0.0, 0.0, 2)
    assert result.all.pq == pytest.approx(2 / 9, abs=1e-15)
    car, person, *_ = result.classes
    assert (car.category.id, car.pq, car.sq, car.rq, car.iou_sum) == (CAR, 2 / 3, 2 / 3, 1, 2 / 3)
    assert (car.tp, car.fp, car.fn, car.present, person.present) == (1, 0, 0, True, False)


def test_no_image_has_no_quality():
    assert PanopticQuality(TAXONOMY).result().all == GroupQuality(None, None, None, 0)


@pytest.mark.parametrize("seed", range(8))
def test_equals_panopticapi_on_random_maps(seed, tmp_path, drawing, write_maps, panopticapi_pq):
    pairs = drawing.pairs(seed, images=6)
    predictions = write_maps(tmp_path / "prediction.json", [prediction for prediction, _ in pairs])
    truths = write_maps(tmp_path / "truth.json", [truth for _, truth in pairs])
    wanted = panopticapi_pq(truths, predictions)
    in_memory = PanopticQuality(drawing.taxonomy)
    for image_id, (prediction, truth) in enumerate(pairs):
        in_memory.update(prediction, truth, image_id)
    for quality in (in_memory, evaluate_files(truths, predictions)):
        assert_same(quality, wanted)
    assert 0 < wanted["groups"]["all"]["pq"] < 1


def test_equals_panopticapi_on_an_incomplete_truth_with_stated_areas(tmp_path, drawing, write_maps, panopticapi_pq):
    pairs = drawing.pairs(100, images=5)
    predictions = write_maps(tmp_path / "prediction.json", [prediction for prediction, _ in pairs])
    cut = [replace(truth, segments=(*truth.segments[2:], Segment(2**24 - 1, ROAD))) for _, truth in pairs]
    truths = write_maps(tmp_path / "truth.json", cut)
    content = json.loads(truths.read_text())
    for annotation in content["annotations"]:
        for place, segment in enumerate(annotation["segments_info"]):
            segment["area"] += 7 * place
    truths.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match=r"truth.json: areas that differ from the pixels"):
        quality = evaluate_files(truths, predictions)
    wanted = panopticapi_pq(truths, predictions)
    assert_same(quality, wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counted = PanopticQuality(drawing.taxonomy)
        for image_id, ((prediction, _), truth) in enumerate(zip(pairs, cut, strict=True)):
            counted.update(prediction, truth, image_id)
    assert counted.result().all.pq != pytest.approx(wanted["groups"]["all"]["pq"], abs=1e-6)


def assert_same(quality, wanted):
    """Every number of panopticapi within 1e-12."""
    result = quality.result()
    for row in result.classes:
        theirs, stat = wanted["classes"][row.category.id], wanted["stat"].pq_per_cat[row.category.id]
        ours = (row.pq, row.sq, row.rq, row.iou_sum, row.tp, row.fp, row.fn)
        expected = (theirs["pq"], theirs["sq"], theirs["rq"], stat.iou, stat.tp, stat.fp, stat.fn)
        assert ours == pytest.approx(expected, abs=1e-12, rel=0)
    for name, theirs in wanted["groups"].items():
        group = getattr(result, name)
        ours, expected = (group.pq, group.sq, group.rq, group.n), [theirs[key] for key in ("pq", "sq", "rq", "n")]
        assert ours == pytest.approx(expected, abs=1e-12, rel=0)


@st.composite
def drawn_maps(draw):
    ids = draw(hnp.arrays(np.int32, (5, 6), elements=st.integers(0, 5)))
    categories = st.sampled_from([CAR, PERSON, SKY, ROAD])
    return ids, [(i, draw(categories), draw(st.booleans())) for i in np.unique(ids).tolist() if i != VOID]


def panoptic(drawn):
    ids, rows = drawn
    return PanopticMap(ids, tuple(Segment(*row) for row in rows))


def renamed(panoptic, numbers):
    table = np.array([VOID, *numbers], np.int64)
    return PanopticMap(table[panoptic.ids], tuple(replace(s, id=numbers[s.id - 1]) for s in panoptic.segments))


IDS = st.lists(st.integers(1, 2**31 - 1), min_size=5, max_size=5, unique=True)


@settings(deadline=None)
@given(drawn_maps(), drawn_maps(), IDS, IDS)
def test_other_ids_change_nothing(predicted, true, first, second):
    prediction, truth = panoptic(predicted), panoptic(true)
    plain, other = PanopticQuality(TAXONOMY), PanopticQuality(TAXONOMY)
    plain.update(prediction, truth, 1)
    other.update(renamed(prediction, first), renamed(truth, second), 1)
    np.testing.assert_array_equal(plain.contributions().values, other.contributions().values)


@settings(deadline=None)
@given(drawn_maps())
def test_truth_against_itself_is_perfect(true):
    truth = panoptic(true)
    quality = PanopticQuality(TAXONOMY)
    quality.update(truth, truth, 1)
    clear = {TAXONOMY.index[s.category_id] for s in truth.segments if not s.iscrowd}
    values = quality.contributions().values[0]
    assert set(np.flatnonzero(values[:, 1]).tolist()) == clear
    np.testing.assert_array_equal(values[:, 0], values[:, 1])
    assert values[:, 3].sum() == 0
    crowds = [s.category_id for s in truth.segments if s.iscrowd]
    if len(set(crowds)) == len(crowds):
        assert quality.result().all.pq in (1, None)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(drawn_maps(), drawn_maps()), min_size=2, max_size=4), st.integers(1, 3))
def test_parts_merge_to_the_whole(pairs, split):
    parts = PanopticQuality(TAXONOMY), PanopticQuality(TAXONOMY)
    whole = PanopticQuality(TAXONOMY)
    for image_id, (predicted, true) in enumerate(pairs):
        prediction, truth = panoptic(predicted), panoptic(true)
        parts[image_id >= split].update(prediction, truth, image_id)
        whole.update(prediction, truth, image_id)
    sent = [pickle.loads(pickle.dumps(part.contributions())) for part in parts]
    assert PanopticQuality.from_contributions(TAXONOMY, *sent).result() == whole.result()


def test_faults_are_named():
    quality = PanopticQuality(TAXONOMY)
    sky = PanopticMap(np.array([[5]]), (Segment(5, SKY),))
    quality.update(sky, sky, 3)
    with pytest.raises(InputError, match="truth: image 3: wanted an image that was not scored before, got it again"):
        quality.update(sky, sky, 3)
    with pytest.raises(InputError, match="prediction: image 4: ids: wanted only ids that its table of segments lists"):
        quality.update(replace(sky, segments=()), sky, 4)
    assert len(quality) == 1
    with pytest.raises(InputError, match=r"category_ids: wanted \(200, 1, 95, 6\), got \(1,\)"):
        PanopticQuality.from_contributions(TAXONOMY, Contributions((), (1,), np.zeros((0, 1, 4))))
