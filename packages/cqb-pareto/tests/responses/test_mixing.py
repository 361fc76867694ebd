import numpy as np
import pytest

from cqb_pareto.responses.bands import BranchResponse
from cqb_pareto.responses.effective import EffectiveShare
from cqb_pareto.responses.mixing import evenness, full_alone

SHARES = np.array([[0.2, 0.4, 0.4], [0.2, 0.2, 0.6], [0.2, 0.8, 0.0], [0.2, 0.0, 0.0], [0.2, 0.1, 0.1]])


def branch(mixing):
    curve = EffectiveShare(True, np.tile(np.log([[50.0, 0.05, 0.8, 0.1, 0.4]]), (len(mixing), 1)))
    low, high, noughts = np.zeros(3), np.ones(3), np.zeros(len(mixing))
    return BranchResponse(("P", "I", "B"), low, high, curve, curve, noughts, np.array(mixing), 1.0, ())


def test_evenness_by_hand():
    """2 (1 - sum of squares): quarters give 2 (1 - 1/16 - 9/16); three equal kinds 2 (1 - 1/3)."""
    assert evenness(SHARES) == pytest.approx([1, 0.75, 0, 0, 1])
    assert evenness(np.array([[0.1, 0.3, 0.3, 0.3]])) == pytest.approx([4 / 3])
    assert evenness(np.array([[0.4], [0.0]])).tolist() == [0, 0]


def test_full_alone_drops_the_weak_labels():
    assert full_alone(SHARES[:1]).tolist() == [[0.2, 0, 0]]


def test_a_mixture_gains_a_fraction_more_or_less_and_pairs_do_not():
    found = branch([0.0, 0.2, -0.2])
    plain, more, less = found.predict_draws(SHARES)
    gain = plain - found.centre.predict(full_alone(SHARES))[0]
    assert more - plain == pytest.approx(0.2 * np.array([1, 0.75, 0, 0, 1]) * gain)
    assert plain - less == pytest.approx(more - plain)
    assert (more - plain)[0] > 0.5
