import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_pareto.responses.bands import respond
from cqb_pareto.responses.choose import FAMILIES, Errors
from cqb_pareto.responses.effective import EffectiveShare
from cqb_pareto.responses.family import Response
from cqb_pareto.responses.mixture import Mixture, deserved
from cqb_pareto.responses.observations import Observations


def errors(*scores):
    return [Errors(f"family {i}", score, math.nan, 0.0) for i, score in enumerate(scores)]


def test_draws_go_by_one_over_the_fourth_power_of_the_error():
    """Weights 1, 1 and 1/16 of 33 draws."""
    assert deserved(errors(1.0, 1.0, 2.0), 33) == [16, 16, 1]
    assert deserved(errors(2.0, 1.0), 17) == [1, 16]


def test_a_family_that_deserves_less_than_a_fiftieth_gets_none():
    """At 2.6 it deserves 2.1 % of the draws, at 2.7 it deserves 1.8 %."""
    assert deserved(errors(1.0, 2.6), 100) == [98, 2]
    assert deserved(errors(1.0, 2.7), 100) == [100, 0]


def test_without_any_error_the_first_gets_all():
    assert deserved(errors(math.nan, math.nan), 7) == [7, 0]
    assert deserved(errors(math.nan, 3.0), 7) == [0, 7]


@given(st.lists(st.floats(0, 50), min_size=1, max_size=6), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_every_draw_is_given_once(scores, draws):
    counts = deserved(errors(*scores), draws)
    assert sum(counts) == draws
    assert min(counts) >= 0


def test_a_mixture_keeps_its_order():
    low, high = (EffectiveShare(True, np.log([[top, 0.05, 0.8, 0.1]] * n)) for top, n in ((40.0, 2), (60.0, 1)))
    mixed = Mixture((low, high), np.array([2, 0, 1]))
    shares = np.array([[0.2, 0.8], [0.5, 0.0]])
    expected = [high.predict(shares)[0], low.predict(shares)[0], low.predict(shares)[1]]
    assert isinstance(mixed, Response)
    assert mixed.predict(shares).tolist() == np.array(expected).tolist()


def pairs(truth, noise):
    """Pilots on P alone, P and I, P and B, two runs each."""
    places = [(share, arm) for arm in (0, 1, 2) for share in (0.05, 0.1, 0.2, 0.35, 0.5) for _ in range(2)]
    shares = np.array([[s, (1 - s) * (a == 1), (1 - s) * (a == 2)] for s, a in places])
    quality = truth.predict(shares)[0] + noise * np.random.default_rng(0).standard_normal(len(shares))
    arm = np.array([a for _, a in places])
    yes, cells = np.ones(len(arm), bool), np.repeat(np.arange(15), 2)
    return Observations(("P", "I", "B"), "all", shares, quality, yes, cells, arm > 0, np.where(arm > 0, cells % 5, -1))


def test_the_band_of_a_mixture_of_kinds_spans_the_families_that_fit_its_pairs():
    """Power and diminishing agree on pairs, and differ by a point where three sets are mixed."""
    seen = pairs(EffectiveShare(True, np.log([[55.0, 0.05, 0.8, 0.1, 0.4]])), 0.3)
    place = np.array([[0.15, 0.45, 0.4]])
    branch = respond(seen, np.random.default_rng(0), 120)
    centres = [
        FAMILIES[name].fit(seen, seen.quality[None], np.ones((1, 30))).predict(place)[0, 0]
        for name in ("power", "diminishing")
    ]
    low, high = np.quantile(branch.predict_draws(place)[:, 0], [0.05, 0.95])
    assert abs(centres[0] - centres[1]) > 0.2
    assert low <= min(centres)
    assert max(centres) <= high


def test_a_named_family_gives_the_centre():
    seen = pairs(EffectiveShare(True, np.log([[55.0, 0.05, 0.8, 0.1, 0.4]])), 0.3)
    branch = respond(seen, np.random.default_rng(0), 10, "log")
    fitted = FAMILIES["log"].fit(seen, seen.quality[None], np.ones((1, 30)))
    assert branch.tried[0].family == "log"
    assert branch.predict(seen.shares) == pytest.approx(fitted.predict(seen.shares)[0])
