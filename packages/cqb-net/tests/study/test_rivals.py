import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_core import InputError, Labels
from cqb_net.study import all_full, mixed_to_cost
from cqb_net.study.rivals import cost_of, price_of
from cqb_pareto import named_prices

PRICES = named_prices("paper-text")
KINDS = (Labels.PANOPTIC, Labels.IMAGE, Labels.BOX, Labels.STUFF)


def test_prices_are_in_panoptic_labels():
    assert price_of(Labels.PANOPTIC, PRICES) == 1
    assert price_of(Labels(0), PRICES) == 0
    assert price_of(Labels.BOX, PRICES) == pytest.approx(0.03, abs=1e-3)


def test_all_the_money_on_full_labels():
    assert all_full(0.25, PRICES) == {Labels.PANOPTIC: 0.25, Labels(0): 0.75}
    assert all_full(1.0, PRICES) == all_full(2.0, PRICES) == {Labels.PANOPTIC: 1.0}


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.integers(0, 1000))
def test_random_allocations_have_the_cost(cost, seed):
    made = mixed_to_cost(KINDS, cost, PRICES, np.random.default_rng(seed))
    assert cost_of(made, PRICES) == pytest.approx(cost)
    assert sum(made.values()) == pytest.approx(1)
    assert all(share > 0 for share in made.values())


def test_random_allocations_differ_and_repeat():
    first, second, again = (mixed_to_cost(KINDS, 0.3, PRICES, np.random.default_rng(seed)) for seed in (0, 1, 0))
    assert first == again != second


def test_a_cost_that_no_mixture_has():
    with pytest.raises(InputError, match=r"study: cost: wanted one from 0\.006 to 1, got 0\.001"):
        mixed_to_cost(KINDS, 0.001, PRICES, np.random.default_rng(0))
