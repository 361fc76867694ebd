import itertools

import numpy as np
import pytest

from cqb_pareto.ceiling import ceiling, richer
from cqb_pareto.paper import spearman


def test_richer_by_hand():
    """P over B, B over I; B and S do not compare, nor do more P with fewer B."""
    p, b, s, i = np.eye(4)[[0, 2, 3, 1]]
    rows = np.array([p, b, s, i, (b + s) / 2, 0.5 * p + 0.5 * i])
    expected = np.zeros((6, 6), dtype=bool)
    expected[0, 1:] = expected[[1, 2, 4, 5], 3] = True
    assert (richer(rows) == expected).all()


def test_the_ceiling_is_the_best_of_all_orders_that_keep_to_it():
    rng = np.random.default_rng(0)
    for _ in range(5):
        shares, measured = rng.dirichlet(np.ones(4), 6), rng.random(6)
        above = richer(shares)
        best = -1.0
        for order in itertools.permutations(range(6)):
            place = np.argsort(order).astype(float)
            if not (above & (place[:, None] < place)).any():
                best = max(best, spearman(place, measured))
        assert ceiling(shares, measured) == pytest.approx(best)


def test_measurements_in_order_have_a_ceiling_of_one_and_others_less():
    shares = np.array([[0.1, 0.9, 0, 0], [0.2, 0.8, 0, 0], [0.3, 0.7, 0, 0]])
    assert ceiling(shares, np.array([1.0, 2, 3])) == pytest.approx(1)
    assert ceiling(shares, np.array([3.0, 2, 1])) == pytest.approx(-1)


def test_too_many_rows_are_refused():
    with pytest.raises(ValueError, match="at most 16 rows, got 17"):
        ceiling(np.full((17, 4), 0.25), np.arange(17.0))
