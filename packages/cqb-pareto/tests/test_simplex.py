from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from cqb_pareto.errors import InputError
from cqb_pareto.simplex import (
    Bounds,
    check_allocations,
    lattice,
    lattice_within,
    project,
    sample_sobol,
    sample_uniform,
)

FREE = Bounds.of(("P", "I", "B"))
TIGHT = Bounds.of(("P", "I", "B"), {"P": 0.2}, {"I": 0.3})


def test_projection_of_drawn_points():
    points = np.array([[0.5, 0.3, 0.2], [2.0, 0.0, 0.0], [0.5, 0.5, 0.5], [-1.0, 0.0, 1.0]])
    expected = [[0.5, 0.3, 0.2], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0, 0, 1]]
    assert project(points, FREE) == pytest.approx(np.array(expected))


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_projection_is_the_nearest(point, free):
    bounds, point = (FREE if free else TIGHT), np.array(point)
    found = project(point[None], bounds)[0]
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert bounds.allow(found[None]).all()
    solved = minimize(
        lambda x: ((x - point) ** 2).sum(),
        np.full(3, 1 / 3),
        bounds=list(zip(bounds.low, bounds.high, strict=True)),
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
    )
    assert ((found - point) ** 2).sum() <= solved.fun + 1e-5


def test_lattice_has_every_point_once():
    points = lattice(4, 6)
    assert len(points) == comb(9, 3) == len(np.unique(points, axis=0))
    assert points.sum(axis=1) == pytest.approx(np.ones(len(points)))
    assert len(lattice_within(4, 83)) == 56
    assert lattice(1, 5).tolist() == [[1.0]]


@pytest.mark.parametrize(
    "sample", [lambda k, n: sample_uniform(k, n, np.random.default_rng(0)), lambda k, n: sample_sobol(k, n, 0)]
)
def test_samples_cover_the_simplex_evenly(sample):
    shares = sample(4, 4096)
    check_allocations(shares)
    assert shares.shape == (4096, 4)
    assert shares.mean(axis=0) == pytest.approx(np.full(4, 0.25), abs=0.02)
    assert shares.var(axis=0) == pytest.approx(np.full(4, 3 / 80), rel=0.1)


def test_one_kind_has_one_allocation():
    assert sample_sobol(1, 3, 0).tolist() == [[1.0]] * 3


def test_the_worst_row_is_named():
    with pytest.raises(InputError, match=r"allocations: row 1: wanted shares >= 0 with sum 1, got \[0.5, 0.2\]"):
        check_allocations(np.array([[0.5, 0.49], [0.5, 0.2]]))
    with pytest.raises(InputError, match="row 0"):
        check_allocations(np.array([[np.nan, 1.0], [1.0, 0.0]]))


@pytest.mark.parametrize(
    ("least", "most", "message"),
    [
        ({"P": 0.7, "I": 0.6}, {}, r"bounds: minima: wanted a sum of at most 1, else no allocation is left, got 1.3"),
        ({}, {"P": 0.2, "I": 0.2, "B": 0.2}, r"bounds: maxima: wanted a sum of at least 1.*got 0.6"),
        ({"P": 0.7}, {"P": 0.6}, r"bounds: P: wanted minimum 0.7 at most the maximum, got 0.6"),
        ({"X": 0.1}, {}, r"bounds: minimum X: wanted one of P, I, B, got X"),
        ({}, {"P": 1.5}, r"bounds: maximum P: wanted a share from 0 to 1, got 1.5"),
    ],
)
def test_bounds_that_leave_nothing(least, most, message):
    with pytest.raises(InputError, match=message):
        Bounds.of(("P", "I", "B"), least, most)
