from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_pareto.counts import bought_images, count_images, owned_images, roundings
from cqb_pareto.errors import InputError
from cqb_pareto.objectives import Objectives, fit_quality
from cqb_pareto.paper import paper_pilots
from cqb_pareto.prices import named_prices
from cqb_pareto.recommend import cheapest_allocation
from cqb_pareto.simplex import Bounds

KINDS = ("P", "I", "B", "S")


@given(st.integers(1, 5000), st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_roundings_sum_up_and_stay_near(images, seed):
    shares = np.random.default_rng(seed).dirichlet(np.full(4, 0.5))
    counts = roundings(shares, images, Bounds.of(KINDS))
    assert (counts.sum(axis=1) == images).all()
    assert (counts >= np.floor(shares * images + 1e-6) - 1e-9).all()


@given(st.integers(20, 5000), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_roundings_keep_bounds(images, seed):
    bounds = Bounds.of(KINDS, {"P": 0.15}, {"I": 0.35})
    rng = np.random.default_rng(seed)
    shares = np.array([0.15, 0.35, *(0.5 * rng.dirichlet(np.ones(2)))])
    counts = roundings(shares, images, bounds)
    assert (counts[:, 0] >= 0.15 * images - 1e-6).all()
    assert (counts[:, 1] <= 0.35 * images + 1e-6).all()


def test_too_few_images_for_the_bounds():
    bounds = Bounds.of(("P", "I"), {"P": 0.4}, {"P": 0.45})
    with pytest.raises(
        InputError, match="images: count: wanted enough images for whole numbers within the bounds, got 2"
    ):
        roundings(np.array([0.42, 0.58]), 2, bounds)


@given(st.floats(0.02, 0.9), st.integers(5, 3000))
@settings(max_examples=25, deadline=None)
def test_the_budget_is_kept(paper_quality, budget, images):
    objectives = Objectives.of(paper_quality, named_prices("paper-text"))
    shares = np.array([(budget - 0.03) / 0.97, 0.0, 1 - (budget - 0.03) / 0.97, 0.0]).clip(0, 1)
    shares /= shares.sum()
    limit = float(shares @ objectives.prices)
    counts = count_images(objectives, shares, images, Bounds.of(KINDS), budget=limit)
    assert counts.sum() == images
    assert counts @ objectives.prices / images <= limit + 1e-9


def test_whole_images_that_cost_more_than_the_budget(paper_quality):
    """P on at least a tenth of 7 images is one image: (1 + 6 * 0.006) / 7 = 0.148."""
    objectives = Objectives.of(paper_quality, named_prices("paper-text"))
    bounds = Bounds.of(KINDS, {"P": 0.1})
    with pytest.raises(
        InputError, match=r"wanted at least 0.148 .* the cost of 7 whole images in the bounds, got 0.11"
    ):
        count_images(objectives, np.array([0.1, 0.9, 0.0, 0.0]), 7, bounds, budget=0.11)


def test_owned_images_are_not_bought():
    prices = named_prices("paper-text").with_terms(owned={"B": 0.25})
    owned = np.floor(prices.owned_shares(KINDS) * 10).astype(int)
    assert bought_images(np.array([[1, 2, 7, 0], [8, 0, 2, 0]]), owned).tolist() == [[1, 2, 5, 0], [8, 0, 0, 0]]


def test_cheapest_allocation_by_hand(paper_quality):
    prices = named_prices("paper-text").with_terms(owned={"P": 0.3})
    objectives = Objectives.of(paper_quality, prices)
    assert owned_images(objectives, 10).tolist() == [3, 0, 0, 0]
    bounds = Bounds.of(KINDS, {"S": 0.1}, {"I": 0.5})
    assert cheapest_allocation(objectives, bounds) == pytest.approx([0.3, 0.5, 0.1, 0.1])


def every_count(images, kinds):
    """All whole counts that sum to `images`."""
    bars = np.array(list(combinations(range(images + kinds - 1), kinds - 1)))
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), images + kinds - 1)])
    return np.diff(edges, axis=1) - 1


@given(st.floats(0.05, 0.6), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_counts_are_the_best_there_are_wherever_the_shares_begin(paper_quality, budget, seed):
    objectives = Objectives.of(paper_quality, named_prices("paper-text"))
    counts = every_count(24, len(KINDS))
    cost, quality = counts @ objectives.prices / 24, paper_quality.predict(counts / 24)
    start = np.random.default_rng(seed).dirichlet(np.ones(4))
    start = start + (1 - min(1.0, budget / (start @ objectives.prices))) * (np.array([0, 1, 0, 0]) - start)
    found = count_images(objectives, start, 24, Bounds.of(KINDS), budget=budget)
    assert found @ objectives.prices / 24 <= budget + 1e-9
    assert paper_quality.predict(found[None] / 24)[0] == pytest.approx(quality[cost <= budget].max(), abs=1e-9)
    target = float(np.quantile(quality, 0.9))
    found = count_images(objectives, start, 24, Bounds.of(KINDS), target=target)
    assert paper_quality.predict(found[None] / 24)[0] >= target
    assert found @ objectives.prices / 24 == pytest.approx(cost[quality >= target].min())


def test_one_label_set_has_all_images():
    quality = fit_quality(paper_pilots(), ["P"])
    objectives = Objectives.of(quality, named_prices("paper-text"))
    assert count_images(objectives, np.ones(1), 9, Bounds.of(("P",)), budget=2.0).tolist() == [9]
