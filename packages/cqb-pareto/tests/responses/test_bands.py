import numpy as np
import pytest

from cqb_pareto.responses import FAMILIES
from cqb_pareto.responses.bands import resample, respond
from cqb_pareto.responses.effective import EffectiveShare
from cqb_pareto.responses.mixture import dealt, stacked

TRUTH = np.log([[55.0, 0.05, 0.8, 0.1, 0.4]])


def gap_closed(shares):
    """Each weak kind closes a part of the gap to saturation, which no family does."""
    alone = 55 * (1 - (1 + shares[:, 0] / 0.05) ** -0.8)
    left = np.prod(1 - np.array([0.1, 0.4]) * (1 - np.exp(-4 * shares[:, 1:])), axis=1)
    return 55 - left * (55 - alone)


def test_bands_widen_outside_the_pilots_and_with_noise(drawn):
    truth = EffectiveShare(True, TRUTH)
    calm, loud = (respond(drawn(truth, 3, noise), np.random.default_rng(0), 80) for noise in (0.2, 3.0))
    inside, outside = np.array([[0.3, 0.7, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    assert loud.predict_draws(inside).std() > 3 * calm.predict_draws(inside).std()
    assert calm.beyond(inside) == [0]
    assert calm.beyond(outside) == pytest.approx([0.5])
    narrow = calm.draws.predict(outside).std()
    assert calm.predict_draws(outside).std() > narrow


@pytest.mark.parametrize("truth", [EffectiveShare(True, TRUTH), gap_closed], ids=["power", "gap closed"])
def test_bands_hold_the_truth(drawn, truth):
    """Bands of 90 % over 12 tables, at two pairs and two mixtures; results/bands.csv has more truths and tables."""
    shares = np.array([[0.15, 0.45, 0.4], [0.3, 0.2, 0.5], [0.3, 0.7, 0.0], [0.08, 0.0, 0.92]])
    exact = truth(shares) if truth is gap_closed else truth.predict(shares)[0]
    held = []
    for seed in range(12):
        branch = respond(drawn(truth, 2, 1.0, seed), np.random.default_rng(seed), 40)
        low, high = np.quantile(branch.predict_draws(shares), [0.05, 0.95], axis=0)
        held.append((low <= exact) & (exact <= high))
    assert 0.85 <= np.mean(held) <= 0.98


def test_the_band_has_draws_of_several_families_where_none_has_the_form(drawn):
    """Combined they miss less of what is left out than any alone, so each gets draws."""
    branch = respond(drawn(gap_closed, 2, 0.5), np.random.default_rng(0), 60)
    weights = stacked(branch.tried)
    combined = weights @ [errors.left_out for errors in branch.tried]
    assert np.sqrt(np.mean(combined**2)) < 0.8 * min(errors.leave_one_out for errors in branch.tried)
    assert len(branch.draws.parts) == np.count_nonzero(dealt(weights, 60)) > 1


def test_a_named_family_gives_the_centre(drawn):
    seen = drawn(EffectiveShare(True, TRUTH), 2, 0.3)
    branch = respond(seen, np.random.default_rng(0), 10, "log")
    fitted = FAMILIES["log"].fit(seen, seen.quality[None], np.ones((1, 30)))
    assert branch.tried[0].family == "log"
    assert branch.predict(seen.shares) == pytest.approx(fitted.predict(seen.shares)[0])


def test_seeds_are_resampled_within_their_cell(drawn):
    seen = drawn(EffectiveShare(True, TRUTH), replicates=3)
    quality, weights = resample(seen, np.ones(50), np.random.default_rng(0), 50)
    assert (quality == seen.quality).all()
    assert (weights.reshape(50, 15, 3).sum(axis=2) == 3).all()
    assert len(np.unique(weights[:, 0])) > 1


def test_a_draw_has_its_own_size_of_noise(drawn):
    seen = drawn(EffectiveShare(True, TRUTH))
    quality, _ = resample(seen, np.array([0.0, 0.01, 3.0]), np.random.default_rng(0), 3)
    missed = np.abs(quality - seen.quality).max(axis=1)
    assert missed[0] == 0 < missed[1] < 0.1 < 1 < missed[2]
