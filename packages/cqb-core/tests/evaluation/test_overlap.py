import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cqb_core.errors import InputError
from cqb_core.evaluation.overlap import count_pairs, overlap
from cqb_core.segments import PanopticMap, Segment


def test_pairs_of_a_drawn_map():
    first = np.array([[1, 1, 2], [2, 2, 1]])
    second = np.array([[5, 7, 7], [7, 5, 5]])
    a, b, pixels = count_pairs(first, second)
    assert list(zip(a.tolist(), b.tolist(), pixels.tolist(), strict=True)) == [
        (1, 5, 2),
        (1, 7, 1),
        (2, 5, 1),
        (2, 7, 2),
    ]


@settings(deadline=None)
@given(st.data(), st.sampled_from([np.uint8, np.int32, np.uint32, np.int64]))
def test_pairs_equal_a_count_of_pixels(data, dtype):
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=8))
    values = st.integers(0, 3).map(lambda v: v * (63 if dtype is np.uint8 else 2**29 + 11))
    first, second = (data.draw(hnp.arrays(dtype, shape, elements=values)) for _ in range(2))
    counted = {}
    for pair in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        counted[pair] = counted.get(pair, 0) + 1
    a, b, pixels = count_pairs(first, second)
    assert dict(zip(zip(a.tolist(), b.tolist(), strict=True), pixels.tolist(), strict=True)) == counted


def test_columns_of_a_fortran_array_are_counted_as_rows_of_a_c_array():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, (2, 9, 7))
    for ours, theirs in zip(count_pairs(first, np.asfortranarray(second)), count_pairs(first, second), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("wrong", [-1, 2**31])
def test_values_that_are_no_id_are_named(wrong):
    ids = np.array([[0, wrong]])
    with pytest.raises(InputError, match=rf"first: ids: wanted values in 0..2147483647, got {wrong}"):
        count_pairs(ids, np.zeros_like(ids))


def test_unlisted_truth_and_void_have_rows_of_their_own(taxonomy):
    truth = PanopticMap(np.array([[0, 9, 9], [4, 4, 5]]), (Segment(4, 95), Segment(8, 1, iscrowd=True)))
    prediction = PanopticMap(np.array([[0, 3, 3], [3, 0, 3]]), (Segment(3, 6),))
    shared = overlap(prediction, truth, taxonomy, 1)
    np.testing.assert_array_equal(shared.pixels, [[1, 0], [1, 1], [0, 0], [0, 3]])
    assert shared.truth_classes.tolist() == [2, 1]
    assert shared.prediction_classes.tolist() == [3]
    assert shared.crowd.tolist() == [False, True]
    assert shared.truth_areas.tolist() == [2, 0]
    assert shared.prediction_areas.tolist() == [4]


def _map(ids, *segments):
    return PanopticMap(np.array(ids), segments)


GOOD = _map([[4, 4]], Segment(4, 95))


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        (
            _map([[4], [4]], Segment(4, 95)),
            GOOD,
            r"pred: image 7: ids: wanted the truth's shape \(1, 2\), got \(2, 1\)",
        ),
        (_map([[4, 5]], Segment(4, 95)), GOOD, "pred: image 7: ids: wanted only ids .* segments lists, got 5"),
        (_map([[4, 4]], Segment(4, 95), Segment(6, 95)), GOOD, r"pred: image 7: segments\[1\].id: .* holds, got 6"),
        (_map([[4, 4]], Segment(4, 3)), GOOD, r"pred: image 7: segments\[0\].category_id: .* got 3"),
        (_map([[4, 4]], Segment(4, 95), Segment(4, 6)), GOOD, r"pred: image 7: segments\[1\].id: .* got 4 again"),
        (_map([[4, 0]], Segment(4, 95), Segment(0, 6)), GOOD, r"pred: image 7: segments\[1\].id: .* got 0"),
        (_map([[4, -2]], Segment(4, 95)), GOOD, r"pred: image 7: ids: wanted values in 0\.\..* got -2"),
        (GOOD, _map([[4, 4]], Segment(4, 3)), r"true: image 7: segments\[0\].category_id: .* got 3"),
        (GOOD, _map([[4, 4]], Segment(4, 95), Segment(4, 6)), r"true: image 7: segments\[1\].id: .* got 4 again"),
    ],
)
def test_faults_are_named(taxonomy, prediction, truth, message):
    with pytest.raises(InputError, match=message):
        overlap(prediction, truth, taxonomy, 7, ("pred", "true"))
