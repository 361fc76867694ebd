import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from cqb_pareto.pilots import paper_pilots
from cqb_pareto.responses import FAMILIES, observe, rank
from cqb_pareto.responses.additive import LogAdditive
from cqb_pareto.responses.choose import errors
from cqb_pareto.responses.cubic import CUBIC, integrate, regress
from cqb_pareto.responses.effective import DIMINISHING, LOG, POWER, EffectiveShare

TRUTH = np.log([[55.0, 0.05, 0.8, 0.1, 0.4]])
BENT = np.log([[55.0, 0.05, 0.8, 3.0, 0.1, 0.4]])


def fit(family, seen):
    return FAMILIES[family].fit(seen, seen.quality[None], np.ones((1, len(seen.quality))))


@pytest.mark.parametrize("power", [True, False])
def test_effective_share_finds_the_truth_again(drawn, power):
    truth = EffectiveShare(power, TRUTH if power else np.log([[12.0, 0.05, 0.1, 0.4]]))
    seen = drawn(truth, replicates=4)
    found = fit("power" if power else "log", seen)
    unseen = np.array([[0.3, 0.3, 0.4], [0.15, 0.85, 0.0], [0.05, 0.5, 0.45]])
    assert found.predict(unseen) == pytest.approx(truth.predict(unseen), rel=0.01)
    assert found.worth()[0] == pytest.approx([1, 0.1, 0.4], rel=0.15)


def test_diminishing_worth_finds_the_truth_again(drawn):
    truth = DIMINISHING.curve(BENT)
    found = fit("diminishing", drawn(truth, replicates=4))
    unseen = np.array([[0.3, 0.3, 0.4], [0.15, 0.85, 0.0], [0.05, 0.5, 0.45]])
    assert found.predict(unseen) == pytest.approx(truth.predict(unseen), rel=0.01)


def test_the_effective_share_by_hand():
    """u = 0.2 + 0.4 log(1 + 3 * 0.5) / 3 + 0.1 log(1 + 3 * 0.3) / 3."""
    curve = DIMINISHING.curve(np.log([[50.0, 0.05, 0.8, 3.0, 0.4, 0.1]]))
    by_hand = 0.2 + 0.4 * np.log(2.5) / 3 + 0.1 * np.log(1.9) / 3
    assert curve.effective(np.array([[0.2, 0.5, 0.3]])) == pytest.approx(np.array([[by_hand]]))


def test_hardly_diminishing_worth_is_the_power_law():
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    straight = DIMINISHING.curve(np.insert(TRUTH, 3, np.log(1e-6), axis=1))
    assert straight.predict(shares) == pytest.approx(EffectiveShare(True, TRUTH).predict(shares), rel=1e-5)


def test_diminishing_worth_may_prefer_a_mixture():
    """Two kinds of equal worth: half of each beats either alone, and does not in the power law."""
    shares = np.array([[0.1, 0.9, 0.0], [0.1, 0.45, 0.45]])
    alone, mixed = DIMINISHING.curve(np.log([[55.0, 0.05, 0.8, 4.0, 0.3, 0.3]])).predict(shares)[0]
    assert mixed > alone + 0.5
    alone, mixed = EffectiveShare(True, np.log([[55.0, 0.05, 0.8, 0.3, 0.3]])).predict(shares)[0]
    assert mixed == pytest.approx(alone)


def test_slopes_are_those_of_the_curve(drawn):
    for family, theta in ((POWER, TRUTH), (DIMINISHING, BENT), (LOG, np.log([[12.0, 0.05, 0.1, 0.4]]))):
        shares = drawn(family.curve(theta)).shares
        _, slope = family._slope(shares, theta)
        for p in range(theta.shape[1]):
            step = np.zeros_like(theta)
            step[0, p] = 1e-6
            up, down = (family.curve(theta + s).predict(shares) for s in (step, -step))
            assert slope[0, :, p] == pytest.approx((up - down)[0] / 2e-6, rel=1e-5, abs=1e-7)


def test_the_batched_fit_is_scipys(drawn):
    seen = drawn(EffectiveShare(True, TRUTH), noise=0.5)
    y = np.stack([seen.quality, seen.quality + np.random.default_rng(1).normal(0, 0.5, len(seen.quality))])
    centre, spread = POWER._prior(y, 3)
    found = POWER._descend(seen.shares, y, np.full(y.shape, 4.0), centre, spread, centre.copy())
    for b in range(2):

        def residuals(theta, b=b):
            misfit = 2 * (EffectiveShare(True, theta[None]).predict(seen.shares)[0] - y[b])
            return np.concatenate([misfit, (theta - centre[b]) / spread])

        best = least_squares(residuals, centre[b])
        assert (residuals(found[b]) ** 2).sum() == pytest.approx((residuals(best.x) ** 2).sum(), rel=1e-5)


def test_log_additive_finds_the_truth_again(drawn):
    truth = LogAdditive(np.array([[3.0, 0.6, 0.2, 0.4]]), np.array([0.0948683298]))
    seen = drawn(truth)
    unseen = np.array([[0.3, 0.3, 0.4], [0.15, 0.85, 0.0]])
    assert fit("log-additive", seen).predict(unseen) == pytest.approx(truth.predict(unseen), rel=0.01)


@pytest.mark.parametrize("family", ["power", "diminishing", "log", "log-additive"])
@given(st.integers(0, 2**31), st.integers(0, 2))
@settings(max_examples=8, deadline=None)
def test_more_labels_never_hurt(drawn, family, seed, kind):
    seen = drawn(EffectiveShare(True, TRUTH), noise=2.0, seed=seed)
    less = np.random.default_rng(seed).dirichlet(np.ones(3), 20) * 0.9
    more = less.copy()
    more[:, kind] += 0.1
    found = fit(family, seen)
    if family == "log-additive" and (found.weights[0, 1:] < 0).any():
        return
    assert (found.predict(more) >= found.predict(less) - 1e-9).all()


def test_log_additive_follows_clear_harm(drawn):
    harm = LogAdditive(np.array([[3.0, 0.6, -0.4, 0.4]]), np.array([0.1]))
    assert fit("log-additive", drawn(harm, replicates=3, noise=0.05)).weights[0, 2] < -0.2
    noisy = fit("log-additive", drawn(LogAdditive(np.array([[3.0, 0.6, 0.0, 0.4]]), np.array([0.1])), noise=1.0))
    assert noisy.weights[0, 2] >= 0


def test_cubic_regression_and_integral_by_hand():
    x = np.array([0.0, 0.5, 1.0, 0.25])
    coefficients = regress(x, 1 + 2 * x - x**3)
    assert coefficients == pytest.approx([1, 2, 0, -1], abs=1e-9)
    assert integrate(coefficients) == pytest.approx([0, 1, 1, 0, -0.25], abs=1e-9)
    assert regress(np.array([0.3]), np.array([4.0])).tolist() == [4, 0, 0, 0]
    assert regress(np.array([]), np.array([])).tolist() == [0, 0, 0, 0]


def test_the_papers_gains_come_from_table_2():
    seen = observe(paper_pilots(), "things", ("P", "I", "B", "S"))
    found = CUBIC.fit(seen, seen.quality[None], np.ones((1, len(seen.quality))))
    gain = np.polynomial.polynomial.polyder(found.gains[0, 1])
    values = np.polynomial.polynomial.polyval([0.9, 0.7, 0.5], gain)
    assert values == pytest.approx([44.0 / 40.1 - 1, 49.2 / 47.7 - 1, 51.4 / 50.4 - 1])
    assert found.anchor[0] == pytest.approx((40.1 + 39.1) / 2)
    alone = found.predict(np.array([[0.3, 0.0, 0.0, 0.0]]))[0, 0]
    assert alone == pytest.approx((47.7 + 47.6) / 2)
    shares = np.array([[0.3, 0.4, 0.3, 0.0]])
    product = found.anchor[0] * np.prod(1 + found.improvement(shares)[0])
    assert found.predict(shares)[0, 0] == pytest.approx(product)


def test_errors_tell_the_family_that_made_the_data(drawn):
    seen = drawn(EffectiveShare(True, TRUTH), replicates=2, noise=0.1)
    ranked = rank(seen)
    assert ranked[0].family in ("power", "diminishing")
    assert ranked[-1].family in ("cubic", "log-additive")
    assert ranked[0].extrapolation < 0.5 < ranked[-1].extrapolation


def test_leave_one_out_leaves_out(drawn):
    seen = drawn(EffectiveShare(True, TRUTH), noise=0.5)
    got = errors(seen, FAMILIES["log"])
    missed = []
    for i in range(len(seen.quality)):
        weights = np.ones((1, len(seen.quality)))
        weights[0, i] = 0
        predicted = FAMILIES["log"].fit(seen, seen.quality[None], weights).predict(seen.shares[i : i + 1])[0, 0]
        missed.append(predicted - seen.quality[i])
    assert got.leave_one_out == pytest.approx(np.sqrt(np.mean(np.square(missed))), rel=1e-4)
    cheap = np.isin(np.arange(15) % 5, [0, 1, 2])
    dear = FAMILIES["log"].fit(seen, seen.quality[None], cheap[None].astype(float)).predict(seen.shares[~cheap])[0]
    assert got.extrapolation == pytest.approx(np.sqrt(np.mean((dear - seen.quality[~cheap]) ** 2)), rel=1e-4)
    assert got.distance == pytest.approx(np.mean(3 * [0.15, 0.3]))
