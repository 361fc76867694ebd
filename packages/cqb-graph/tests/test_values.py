"""Numbers: looked at once a call, after the result; what a user reads when one is wrong."""

import pytest
import torch

from cqb_graph import RelationLoss, Targets, values
from cqb_graph.values import Values, sums


@pytest.fixture
def reads(monkeypatch):
    """How many scalars each look at the device was for."""
    counted = []
    read = values.read
    monkeypatch.setattr(values, "read", lambda scalars: counted.append(len(scalars)) or read(scalars))
    return counted


@pytest.mark.parametrize(("bad", "harmless"), [(-1, 0), (4, 3), (255, 3)])
def test_an_index_is_made_harmless_and_named(bad, harmless):
    values = Values()
    assert values.index("x", torch.tensor([0, 3, bad]), 0, 3).tolist() == [0, 3, harmless]
    with pytest.raises(ValueError, match=rf"x\[2\]: wanted an integer from 0 to 3, got {bad}"):
        values.check()


def test_a_number_may_be_let_through():
    values = Values()
    assert values.index("x", torch.tensor([[0, 255], [4, -1]]), 0, 3, besides=255).tolist() == [[0, 255], [3, 0]]
    with pytest.raises(ValueError, match=r"x\[1, 0\]: wanted an integer from 0 to 3 or 255, got 4"):
        values.check()


def test_an_index_into_nothing_is_refused_at_once():
    values = Values()
    assert values.index("x", torch.zeros(0).long(), 0, -1).shape == (0,)
    with pytest.raises(ValueError, match=r"x\[0\]: wanted an integer from 0 to -1, got 0"):
        values.index("x", torch.zeros(1).long(), 0, -1)


def test_room():
    values = Values()
    assert values.room("longest", 2, torch.tensor([0, 1, 1])).tolist() == [0, 1, 1]
    assert values.room("longest", 0, torch.tensor([], dtype=torch.long)).tolist() == []
    values.check()
    assert values.room("longest", 2, torch.tensor([0, 2, 1])).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="longest: wanted at least the most regions of an image, 3, got 2"):
        values.check()
    with pytest.raises(ValueError, match="longest: wanted at least the most regions of an image, 1, got 0"):
        values.room("longest", 0, torch.tensor([0]))


def test_a_result_names_its_cause():
    good, bad = torch.ones(2), torch.tensor([[0.0, torch.nan]])
    Values().check(sums(good), good=good, bad=bad)
    with pytest.raises(ValueError, match=r"bad: wanted finite numbers, got nan at \(0, 1\)"):
        Values().check(sums(bad), good=good, bad=bad)


def test_sums_of_half_precision_do_not_overflow():
    large = torch.full((3,), torch.finfo(torch.float16).max, dtype=torch.float16)
    assert sums(large)[0].isfinite()


def test_everything_is_looked_at_together(reads):
    values = Values()
    values.index("a", torch.tensor([0, 1]), 0, 1)
    values.index("b", torch.tensor([0, 9]), 0, 1, besides=9)
    values.room("c", 3, torch.tensor([2]))
    assert reads == []
    values.check(sums(torch.ones(3)))
    assert reads == [6]


def test_a_call_looks_once(reads, draw, build):
    relations = build()(*draw(2, 1).all, longest=2)
    assert len(reads) == 1
    made = build().predict(*draw(2, 1).all[::2][:2], relations)
    reads.clear()
    targets = Targets(torch.zeros(3).long(), torch.zeros(3, 4), torch.zeros(2, 3, 4).long())
    RelationLoss()(made, targets)
    assert len(reads) == 1
