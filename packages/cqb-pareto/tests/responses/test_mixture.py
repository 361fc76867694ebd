import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_pareto.responses.choose import Errors
from cqb_pareto.responses.effective import EffectiveShare
from cqb_pareto.responses.family import Response
from cqb_pareto.responses.mixture import Mixture, dealt, stacked


def missing(*columns):
    return [Errors(f"family {i}", np.array(column, float), math.nan, 0.0) for i, column in enumerate(columns)]


def test_two_families_that_err_to_either_side_are_combined():
    """w and 1 - w of misses (3, 3) and (-1, -1) cancel at w = 1/4; a third, off by more, gets none."""
    assert stacked(missing([3, 3], [-1, -1])) == pytest.approx([0.25, 0.75], abs=1e-5)
    assert stacked(missing([3, 3], [-1, -1], [9, 9])) == pytest.approx([0.25, 0.75, 0], abs=1e-5)


def test_the_better_of_two_that_err_to_one_side_gets_all():
    assert stacked(missing([2, 1], [4, 3])) == pytest.approx([1, 0], abs=1e-5)


@given(st.lists(st.lists(st.floats(-50, 50), min_size=7, max_size=7), min_size=2, max_size=4), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_no_other_weights_miss_less(columns, seed):
    weights, missed = stacked(missing(*columns)), np.array(columns)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    others = np.random.default_rng(seed).dirichlet(np.ones(len(columns)), 50)
    assert ((weights @ missed) ** 2).sum() <= ((others @ missed) ** 2).sum(axis=1).min() + 1e-2


def test_families_without_an_error_get_no_weight_and_the_first_gets_all_where_none_has_one():
    assert stacked(missing([], [])).tolist() == [1, 0]
    assert stacked(missing([math.nan, 1], [2, 2])).tolist() == [0, 1]


def test_a_family_with_less_than_a_fiftieth_of_the_weight_gets_no_draw():
    assert dealt(np.array([0.979, 0.021]), 100) == [98, 2]
    assert dealt(np.array([0.981, 0.019]), 100) == [100, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(any), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_every_draw_is_dealt_once(weights, draws):
    counts = dealt(np.array(weights), draws)
    assert sum(counts) == draws
    assert min(counts) >= 0


def test_a_mixture_keeps_its_order():
    low, high = (EffectiveShare(True, np.log([[top, 0.05, 0.8, 0.1]] * n)) for top, n in ((40.0, 2), (60.0, 1)))
    mixed = Mixture((low, high), np.array([2, 0, 1]))
    shares = np.array([[0.2, 0.8], [0.5, 0.0]])
    expected = [high.predict(shares)[0], low.predict(shares)[0], low.predict(shares)[1]]
    assert isinstance(mixed, Response)
    assert mixed.predict(shares).tolist() == np.array(expected).tolist()
