import numpy as np
import pytest

from cqb_pareto.paper import KINDS, predictions, spearman, table1
from cqb_pareto.pilots import paper_pilots
from cqb_pareto.responses import observe
from cqb_pareto.responses.additive import TAUS
from cqb_pareto.responses.interacting import Interacting, fit_interacting, terms
from cqb_pareto.responses.observations import Observations


def test_terms_by_hand():
    """g(0.25) with tau 1 is log 1.25 / log 2."""
    g = np.log([1.25, 1.5]) / np.log(2)
    row = terms(np.array([[0.25, 0.5, 0.25]]), 1.0)[0]
    assert row == pytest.approx([1, g[0], g[1], g[0], g[0] * g[1], g[0] * g[0]])


def test_a_known_interaction_is_found_again():
    truth = Interacting(np.array([3.0, 0.6, 0.1, 0.5, -0.1, -0.4]), float(TAUS[5]))
    pairs = [(share, arm) for arm in (0, 1, 2) for share in (0.05, 0.1, 0.2, 0.35, 0.5)]
    shares = np.array([[s, (1 - s) * (a == 1), (1 - s) * (a == 2)] for s, a in pairs])
    n = len(shares)
    yes, cells, base = np.ones(n, bool), np.arange(n), np.full(n, -1)
    found = fit_interacting(Observations(("P", "I", "B"), "all", shares, truth.predict(shares), yes, cells, yes, base))
    assert found.tau == truth.tau
    assert found.coefficients == pytest.approx(truth.coefficients, abs=1e-6)


def test_the_papers_rows_are_ranked_from_table_2_alone():
    expected = sum(
        weight * fit_interacting(observe(paper_pilots(), branch, KINDS)).predict(table1().shares)
        for branch, weight in (("things", 80 / 133), ("stuff", 53 / 133))
    )
    got = predictions()["interacting"]
    assert got == pytest.approx(expected)
    rows = table1().optimal
    assert spearman(got[rows], table1().pq[rows]) > 0.9
