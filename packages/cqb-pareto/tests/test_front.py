import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cqb_pareto.errors import InputError
from cqb_pareto.front import best_under, cheapest_reaching, front_order, hypervolume, knee, nondominated


def naive(costs, qualities):
    """Every pair, by the definition."""
    no_dearer = costs[:, None] <= costs
    no_worse = qualities[:, None] >= qualities
    strictly = (costs[:, None] < costs) | (qualities[:, None] > qualities)
    return ~(no_dearer & no_worse & strictly).any(axis=0)


def by_moocore(costs, qualities, duplicates):
    points = np.column_stack([costs, -qualities])
    return moocore.is_nondominated(points, keep_weakly=duplicates == "all")


def clouds(kind, size, rng):
    x = rng.random(size)
    return {
        "uniform": (x, rng.random(size)),
        "integers": (rng.integers(0, 9, size).astype(float), rng.integers(0, 9, size).astype(float)),
        "all on the front": 2 * (rng.permutation(size).astype(float),),
        "one point": (np.ones(size), np.ones(size)),
        "one cost": (np.ones(size), x),
        "one quality": (x, np.ones(size)),
        "staircase with copies": (
            np.repeat(np.arange(size), 3)[:size] * 1.0,
            np.repeat(np.arange(size), 2)[:size] * 1.0,
        ),
        "infinite ends": (np.where(x < 0.1, np.inf, x), np.where(x > 0.9, -np.inf, x)),
        "all infinite": (np.full(size, np.inf), x),
        "tiny spread": (5e-324 * rng.integers(0, 3, size), x),
        "heavy tail": (np.exp(9 * rng.standard_normal(size)), x),
        "sample misses the best": (
            np.where(np.arange(size) % 7 == 3, 0.0, x),
            np.where(np.arange(size) % 7 == 3, 2.0, x),
        ),
        "signed zeros": (np.where(x < 0.5, 0.0, -0.0), np.where(x < 0.25, 0.0, -0.0)),
    }[kind]


KINDS = """uniform, integers, all on the front, one point, one cost, one quality, staircase with copies, infinite ends,
all infinite, tiny spread, heavy tail, sample misses the best, signed zeros""".replace("\n", " ").split(", ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 10, 60, 300, 301, 1000, 30_000, 30_001])
def test_equals_moocore_on_adversarial_clouds(kind, size):
    costs, qualities = clouds(kind, size, np.random.default_rng(size))
    for duplicates in ("all", "first"):
        expected = by_moocore(costs, qualities, duplicates)
        got = nondominated(costs, qualities, duplicates=duplicates)
        assert got.tolist() == expected.tolist()


small = st.integers(0, 40).flatmap(
    lambda n: st.tuples(*(arrays(float, n, elements=st.integers(0, 6).map(float)) for _ in range(2)))
)


@given(small)
@settings(max_examples=300, deadline=None)
def test_equals_the_definition_with_ties(points):
    costs, qualities = points
    assert nondominated(costs, qualities).tolist() == naive(costs, qualities).tolist()


@given(small)
@settings(max_examples=200, deadline=None)
def test_first_keeps_one_copy_of_each_front_point(points):
    costs, qualities = points
    kept = np.flatnonzero(nondominated(costs, qualities, duplicates="first"))
    everything = np.flatnonzero(nondominated(costs, qualities))
    pairs = [(costs[i], qualities[i]) for i in everything]
    assert [(costs[i], qualities[i]) for i in kept] == list(dict.fromkeys(pairs))
    assert all(pairs[:i].count(pair) == 0 or everything[i] not in kept for i, pair in enumerate(pairs))


values = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_a_dominated_point_changes_nothing(points, random):
    costs, qualities = np.array(points).T
    i = random.randrange(len(costs))
    grown = nondominated(np.append(costs, costs[i] + 1), np.append(qualities, qualities[i] - 1))
    assert grown.tolist() == [*nondominated(costs, qualities).tolist(), False]


@given(st.integers(30_001, 40_000), st.integers(0, 2**32 - 1), st.sampled_from([3, 50, 10**9]))
@settings(max_examples=15, deadline=None)
def test_the_sieve_loses_nothing(size, seed, steps):
    rng = np.random.default_rng(seed)
    costs, qualities = rng.integers(0, steps, size) / 7, rng.integers(0, steps, size) / 3
    assert nondominated(costs, qualities).tolist() == by_moocore(costs, qualities, "all").tolist()


@given(st.integers(1, 3000), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_front_rises(size, seed):
    costs, qualities = np.random.default_rng(seed).integers(0, 30, (2, size)).astype(float)
    order = front_order(costs, qualities)
    assert (np.diff(costs[order]) > 0).all()
    assert (np.diff(qualities[order]) > 0).all()


@pytest.mark.parametrize("size", [3, 200, 40_000])
@pytest.mark.parametrize("wrong", [0, 1])
def test_nan_names_its_row(size, wrong):
    points = np.random.default_rng(0).random((2, size))
    points[wrong, 2] = np.nan
    with pytest.raises(InputError, match="front: row 2: wanted numbers, got"):
        nondominated(*points)


def test_wrong_shapes_and_words():
    with pytest.raises((InputError, TypeError)):
        nondominated(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match="wanted all or first, got some"):
        nondominated(np.zeros(3), np.zeros(3), duplicates="some")


def test_hypervolume_of_a_drawn_staircase():
    costs, qualities = np.array([1.0, 2.0, 3.0, 2.5, 9.0]), np.array([1.0, 3.0, 4.0, 2.0, 9.0])
    assert hypervolume(costs, qualities, 4.0, 0.0) == 1 * 1 + 1 * 3 + 1 * 4
    assert hypervolume(costs, qualities, 0.5, 0.0) == 0
    expected = moocore.hypervolume(np.column_stack([costs, -qualities]), ref=[4.0, 0.0])
    assert hypervolume(costs, qualities, 4.0, 0.0) == pytest.approx(expected)


def test_knee_is_the_bend():
    costs, qualities = np.array([0.0, 1.0, 2.0, 10.0]), np.array([0.0, 8.0, 9.0, 10.0])
    assert knee(costs, qualities) == 1
    assert knee(np.array([3.0, 1.0]), np.array([5.0, 1.0])) == 1


def test_best_and_cheapest_break_ties():
    costs, qualities = np.array([2.0, 1.0, 1.0, 5.0]), np.array([7.0, 7.0, 7.0, 9.0])
    assert best_under(costs, qualities, 4.0) == 1
    assert best_under(costs, qualities, 0.5) is None
    assert cheapest_reaching(costs, qualities, 6.0) == 1
    assert cheapest_reaching(costs, qualities, 8.0) == 3
    assert cheapest_reaching(costs, qualities, 10.0) is None
