import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_pareto.considered import plannable
from cqb_pareto.errors import InputError
from cqb_pareto.objectives import ClassWeights, Objectives, cost_of, fit_quality
from cqb_pareto.pilots import paper_pilots, read_pilots
from cqb_pareto.prices import named_prices
from cqb_pareto.simplex import sample_uniform

KINDS = ("P", "I", "B", "S")


def test_class_weights(tmp_path):
    coco = ClassWeights.of()
    assert (coco.things, coco.stuff) == (80 / 133, 53 / 133)
    path = tmp_path / "panoptic.json"
    path.write_text(json.dumps({"categories": [{"isthing": 1}, {"isthing": 0}, {"isthing": 0}]}))
    assert ClassWeights.from_categories(path).things == pytest.approx(1 / 3)
    path.write_text(json.dumps([{"isthing": 2}]))
    with pytest.raises(InputError, match=r"categories\[0\].isthing: wanted 0 or 1"):
        ClassWeights.from_categories(path)
    with pytest.raises(InputError, match="wanted COCO categories as JSON"):
        ClassWeights.from_categories(tmp_path / "none.json")
    with pytest.raises(InputError, match="not both 0"):
        ClassWeights.of(0, 0)


def test_cost_by_hand():
    prices = named_prices("paper-text").relative(KINDS)
    o6 = np.array([[0.290, 0.355, 0.290, 0.065]])
    assert cost_of(o6, prices)[0] == pytest.approx(0.290 + 0.355 * 0.006 + 0.290 * 0.03 + 0.065 * 0.68)


@given(st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_an_owned_label_is_never_bought_twice(seed):
    rng = np.random.default_rng(seed)
    shares, owned = rng.dirichlet(np.ones(4), 5), rng.random(4)
    prices = named_prices("paper-text").relative(KINDS)
    got = cost_of(shares, prices, owned)
    by_hand = [sum(max(s - o, 0) * p for s, o, p in zip(row, owned, prices, strict=True)) for row in shares]
    assert got == pytest.approx(by_hand)
    assert (got <= cost_of(shares, prices) + 1e-12).all()
    assert cost_of(shares, prices, np.ones(4)) == pytest.approx(np.zeros(5))


def test_pq_is_the_weighted_sum_of_branches(paper_quality):
    shares = sample_uniform(4, 50, np.random.default_rng(0))
    things, stuff = (paper_quality.branches[b].predict(shares) for b in ("things", "stuff"))
    assert paper_quality.predict(shares) == pytest.approx((80 * things + 53 * stuff) / 133)
    assert paper_quality.predict_draws(shares).shape == (40, 50)


def test_f1_of_the_cubics_is_the_product_of_gains():
    quality = fit_quality(paper_pilots(), KINDS, draws=2, family="cubic")
    shares = np.array([[0.2, 0.4, 0.3, 0.1]])
    product = 1.0
    for branch in quality.branches.values():
        product *= np.prod(1 + branch.centre.improvement(shares)[0])
    assert quality.improvement(shares)[0] == pytest.approx(product, rel=1e-6)


def test_unlabelled_images_add_nothing(paper_quality):
    with_none = fit_quality(paper_pilots(), (*KINDS, "none"), draws=2)
    shares = np.array([[0.3, 0.0, 0.0, 0.0, 0.7]])
    assert with_none.predict(shares) == pytest.approx(paper_quality.predict(np.array([[0.3, 0.0, 0.0, 0.0]])))


def test_what_table_2_can_plan():
    assert plannable(paper_pilots()) == ("P", "I", "B", "S", "B+S")


def test_unlabelled_images_are_planned_where_full_labels_were_piloted_alone(tmp_path):
    path = tmp_path / "pilots.csv"
    rows = ["full,rest,share,variant,seed,pq", "P,none,0.1,baseline,0,20", "P,none,0.5,baseline,0,30"]
    path.write_text("\n".join([*rows, "P,B,0.1,module,0,25"]) + "\n")
    assert plannable(read_pilots(path)) == ("P", "B", "none")
    every = ["full,rest,share,variant,seed,pq", "P,B,0.1,baseline,0,20", "P,none,1,baseline,0,30"]
    path.write_text("\n".join([*every, "P,B,0.1,module,0,25"]) + "\n")
    assert plannable(read_pilots(path)) == ("P", "B")


def test_a_kind_without_a_price_is_named():
    quality = fit_quality(paper_pilots(), KINDS, draws=2)
    listed = named_prices("paper-text")
    without = type(listed)("mine.csv", {k: p for k, p in listed.prices.items() if k != "B"})
    with pytest.raises(InputError, match=r"mine.csv: price of B: wanted a price for B"):
        Objectives.of(quality, without)


def test_a_million_allocations_at_once(paper_quality):
    shares = sample_uniform(4, 1_000_000, np.random.default_rng(0))
    cost, quality = Objectives.of(paper_quality, named_prices("paper-text")).evaluate(shares)
    assert cost.shape == quality.shape == (1_000_000,)
    some = slice(0, None, 100_000)
    assert quality[some] == pytest.approx(paper_quality.predict(shares[some]))


@pytest.fixture
def nothing_learnt(tmp_path):
    """Pilots too short to learn things: their baselines are 0, so ratios to them do not exist."""
    rows = [f"P,I,{share},{variant},0,{value},{20 + 10 * share}" for share in (0.2, 0.4, 0.6)
            for variant, value in (("baseline", 0.0), ("module", 0.5))]  # fmt: skip
    path = tmp_path / "pilots.csv"
    path.write_text("\n".join(["full,rest,share,variant,seed,pq_th,pq_st", *rows]) + "\n")
    return read_pilots(path)


@pytest.mark.filterwarnings("error")
def test_baselines_of_zero_leave_the_cubic_out(nothing_learnt):
    model = fit_quality(nothing_learnt, draws=10)
    assert np.isfinite(model.predict(np.array([[0.3, 0.7], [1.0, 0.0]]))).all()


def test_the_cubic_is_refused_on_baselines_of_zero(nothing_learnt):
    with pytest.raises(InputError, match="response of things: family: wanted one that fits these runs .*, got cubic"):
        fit_quality(nothing_learnt, draws=10, family="cubic")
