import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_pareto.direct import _fill, along, coarse, direct, interpolant, predicted_front
from cqb_pareto.evaluated import Evaluated, evaluate
from cqb_pareto.front import hypervolume
from cqb_pareto.objectives import Objectives
from cqb_pareto.prices import named_prices
from cqb_pareto.simplex import Bounds, check_allocations, lattice, sample_uniform

KINDS = ("P", "I", "B", "S")


@pytest.fixture(scope="module")
def objectives(paper_quality):
    return Objectives.of(paper_quality, named_prices("paper-text"))


def test_the_coarse_lattice_is_the_whole_simplex_without_bounds():
    assert sorted(coarse(Bounds.of(KINDS), 40).tolist()) == sorted(lattice(4, 4).tolist())


def test_the_coarse_lattice_within_bounds_has_no_copies():
    bounds = Bounds.of(KINDS, {"P": 0.2}, {"B": 0.3, "S": 0.1})
    rows = coarse(bounds, 100)
    check_allocations(rows)
    assert bounds.allow(rows).all()
    assert 50 < len(rows) == len(np.unique(np.round(rows, 9), axis=0)) <= 100


def test_one_allocation_is_all_that_bounds_may_leave():
    tight = {"P": 0.1, "I": 0.2, "B": 0.3, "S": 0.4}
    assert coarse(Bounds.of(KINDS, tight, tight), 50) == pytest.approx(np.array([list(tight.values())]))


def test_the_interpolant_meets_what_was_seen_and_comes_close_elsewhere(objectives):
    found = evaluate(objectives, lattice(4, 6))
    predict = interpolant(found)
    assert predict(found.shares) == pytest.approx(found.quality, abs=1e-4)
    new = sample_uniform(4, 200, np.random.default_rng(0))
    quality = objectives.quality.predict(new)
    assert np.abs(predict(new) - quality).mean() < quality.std() / 4


def test_an_interpolant_of_few_allocations_still_meets_them(objectives):
    found = evaluate(objectives, np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0.5, 0.5, 0, 0]]))
    assert interpolant(found)(found.shares) == pytest.approx(found.quality, abs=1e-4)


def test_the_predicted_front_rises_and_keeps_what_was_found(objectives):
    bounds = Bounds.of(KINDS, {"P": 0.1})
    found = evaluate(objectives, coarse(bounds, 60))
    path = predicted_front(objectives, bounds, found, np.random.default_rng(0))
    assert (np.diff(path.cost) > 0).all()
    assert (np.diff(path.quality) > 0).all()
    assert bounds.allow(path.shares).all()
    ends = (path.cost, path.quality), (found.cost, found.quality)
    assert hypervolume(*ends[0], 1.1, 0.0) > hypervolume(*ends[1], 1.1, 0.0)


def test_points_along_a_path_close_its_gaps():
    """A straight front of length 1 with a point at 0.2: three new ones cut it at 0.4, 0.6 and 0.8."""
    ends = np.array([[0.0, 1.0], [1.0, 0.0]])
    path = Evaluated(ends, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    share = np.array([0.0, 0.2, 1.0])
    found = Evaluated(np.column_stack([share, 1 - share]), share, share)
    assert along(path, found, 3)[:, 0] == pytest.approx([0.4, 0.6, 0.8])


def test_a_path_of_one_point_has_no_room():
    one = Evaluated(np.array([[1.0]]), np.array([1.0]), np.array([40.0]))
    assert along(one, one, 5).shape == (0, 1)


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20), st.integers(0, 60))
@settings(deadline=None)
def test_filling_never_leaves_a_piece_that_one_point_moved_would_shorten(gaps, size):
    """The longest piece cannot be shortened by a point from any other gap, as far as rounding by half a piece goes."""
    gaps = np.array(gaps)
    new = _fill(gaps, size)
    assert new.sum() == size
    longest = np.argmax(gaps / (new + 1))
    for other in np.flatnonzero(new):
        if other != longest:
            assert gaps[other] / new[other] >= 0.6 * gaps[longest] / (new[longest] + 1)


def test_few_evaluations_are_kept(objectives):
    for size in (1, 2, 7, 30):
        assert len(direct(objectives, Bounds.of(KINDS), size).cost) == size
