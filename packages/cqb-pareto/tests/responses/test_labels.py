"""Families that see the labels of label sets."""

import numpy as np
import pytest

from cqb_pareto.pilots import paper_pilots
from cqb_pareto.responses import FAMILIES, Observations, observe
from cqb_pareto.responses.additive import LOG_ADDITIVE
from cqb_pareto.responses.bands import before_pilots
from cqb_pareto.responses.choose import errors
from cqb_pareto.responses.effective import DIMINISHING, LOG, POWER
from cqb_pareto.responses.labels import labels_of

SHARES = (0.05, 0.1, 0.2, 0.35, 0.5)
KINDS = ("P", "B", "I+B", "I")
TRUTH = DIMINISHING.curve(np.log([[55.0, 0.05, 0.8, 6.0, 0.4, 0.15]]))
"""Of shares of P, of images with B and of images with I."""


@pytest.fixture(scope="module")
def seen():
    """Pilots of the truth on P alone and on each of B, I+B and I."""
    rows = [(share, arm) for arm in range(4) for share in SHARES]
    shares = np.array([[s, *((1 - s) * (arm == kind) for kind in (1, 2, 3))] for s, arm in rows])
    arm = np.array([arm for _, arm in rows])
    cells = np.arange(len(rows))
    quality = TRUTH.predict(shares @ labels_of(KINDS)[1])[0]
    return Observations(KINDS, "all", shares, quality, arm >= 0, cells, arm > 0, np.where(arm > 0, cells % 5, -1))


def fit(family, seen):
    return family.fit(seen, seen.quality[None], np.ones((1, len(seen.quality))))


def test_labels_of_label_sets():
    labels, parts = labels_of(("P", "I", "B+S", "B", "x+y"))
    assert labels == ("P", "I", "B", "S", "x+y")
    assert parts.tolist() == [
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1],
    ]
    assert labels_of(("P",))[1].tolist() == [[1]]


def test_sets_that_share_a_label_do_not_teach_it_twice(seen):
    """Images on B and images on I+B own the same boxes; a family that does not know sees two kinds to mix."""
    both = np.array([[0.1, 0.45, 0.45, 0.0]])
    truth = TRUTH.predict(both @ labels_of(KINDS)[1])[0]
    assert fit(FAMILIES["diminishing"], seen).predict(both)[0] == pytest.approx(truth, rel=0.01)
    assert fit(DIMINISHING, seen).predict(both)[0] > truth + 0.5


@pytest.mark.parametrize("family", [POWER, DIMINISHING, LOG, LOG_ADDITIVE], ids=lambda family: family.name)
def test_without_shared_labels_it_is_the_family(family):
    seen = observe(paper_pilots(), "things", ("P", "I", "B", "S"))
    shares = np.random.default_rng(0).dirichlet(np.ones(4), 20)
    assert (fit(FAMILIES[family.name], seen).predict(shares) == fit(family, seen).predict(shares)).all()


@pytest.mark.parametrize("branch", ["things", "stuff"])
@pytest.mark.parametrize("family", [POWER, DIMINISHING, LOG, LOG_ADDITIVE], ids=lambda family: family.name)
def test_table_2_is_predicted_better(family, branch):
    """B+S beside B and S: allocations left out are missed by less where the labels are known."""
    seen = observe(paper_pilots(), branch, ("P", "I", "B", "S", "B+S"))
    assert errors(seen, FAMILIES[family.name]).leave_one_out < errors(seen, family).leave_one_out


def test_a_sum_is_believed_to_be_worth_its_labels_before_any_run():
    believed = before_pilots(("P", "B", "B+S"), np.random.default_rng(0), 50)
    boxes, both = believed.draws.predict(np.array([[0.1, 0.9, 0.0], [0.1, 0.0, 0.9]])).T
    assert (both > boxes).all()
