"""Numbers: looked at once a call, after the result; what a user reads when one is wrong."""

import pytest
import torch

from cqb_weak import values
from cqb_weak.values import Values, finite, read, sums

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def reads(monkeypatch):
    """How many scalars each look at the device was for."""
    counted = []
    read = values.read
    monkeypatch.setattr(values, "read", lambda scalars: counted.append(len(scalars)) or read(scalars))
    return counted


BOX = torch.tensor([[0.0, 0, 4, 4]])


def complaint(values: Values, *results: torch.Tensor, **causes: torch.Tensor) -> str:
    with pytest.raises(ValueError, match="wanted") as raised:
        values.check(results, **causes)
    return str(raised.value)


@pytest.mark.parametrize(("bad", "harmless"), [(-1, 0), (3, 2)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int8])
def test_an_index_is_made_harmless_and_named(bad, harmless, dtype):
    values = Values()
    index = values.index("index", torch.tensor([[0, 2], [bad, bad]], dtype=dtype), 3)
    assert index.tolist() == [[0, 2], [harmless, harmless]]
    assert complaint(values) == f"index[1, 0]: wanted a whole number from 0 to 2, got {bad}"


def test_an_index_into_nothing_is_refused_at_once():
    values = Values()
    assert values.index("index", torch.zeros(0).long(), 0).shape == (0,)
    values.check()
    with pytest.raises(ValueError, match=r"index\[0\]: wanted a whole number from 0 to -1, got 0"):
        values.index("index", torch.zeros(1).long(), 0)


@pytest.mark.parametrize(
    "box", [[5, 0, 4, 4], [0, 5, 4, 4], [NAN, 0, 4, 4], [0, 0, INF, 4], [-INF, 0, 4, 4], [INF] * 4]
)
@pytest.mark.parametrize("empty", [True, False])
def test_boxes_are_ordered_and_finite(box, empty):
    values, bad = Values(), torch.cat([BOX, torch.tensor([box]).float()])
    values.boxes(empty=empty, good=BOX, bad=bad)
    wanted = "x0 <= x1 and y0 <= y1, finite (xyxy)" if empty else "finite x0 < x1 and y0 < y1 (xyxy)"
    assert complaint(values) == f"bad[1]: wanted {wanted}, got {[float(x) for x in box]}"


def test_empty_boxes_pass_where_they_may():
    flat, values = torch.tensor([[-3.0, 2, -3, 9]]), Values()
    values.boxes(empty=True, boxes=flat)
    values.boxes(boxes=torch.zeros(0, 4))
    values.boxes(boxes=torch.tensor([[0.0, 0, 1e-42, 1]]))
    values.check()
    values.boxes(boxes=flat)
    assert complaint(values).startswith("boxes[0]: wanted finite x0 < x1 and y0 < y1")


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_result_names_its_cause_and_the_place(bad):
    cause = torch.zeros(2, 3)
    finite([cause.sum()], cause=cause)
    Values().check([cause.sum()], cause=cause)
    cause[1, 2] = bad
    message = rf"cause: wanted finite numbers, got {bad} at \(1, 2\)"
    with pytest.raises(ValueError, match=message):
        finite([torch.ones(()), torch.tensor(NAN)], good=torch.zeros(4), cause=cause)
    with pytest.raises(ValueError, match=message):
        Values().check([torch.tensor(NAN)], good=torch.zeros(4), cause=cause)


def test_a_result_that_overflows_accuses_nobody():
    finite([torch.tensor(INF)], cause=torch.ones(3))
    Values().check([torch.tensor(INF)], cause=torch.ones(3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_sums_are_finite_where_all_numbers_are(dtype):
    large = torch.full((3,), torch.finfo(torch.float16).max, dtype=dtype)
    assert all(total.isfinite() for total in sums(large, large.new_zeros(0)))
    assert not sums(torch.tensor([INF, -INF, 1], dtype=dtype))[0].isfinite()


def test_everything_is_looked_at_together(reads):
    values = Values()
    values.index("a", torch.tensor([0, 1]), 2)
    values.index("b", torch.tensor([0, 1]), 2)
    values.boxes(x=BOX, y=BOX)
    assert reads == []
    values.check([torch.ones(()), torch.ones(())], cause=BOX)
    assert reads == [8]


def test_a_wrong_index_is_named_before_the_result_that_it_spoils():
    values = Values()
    values.index("index", torch.tensor([7]), 2)
    assert complaint(values, torch.tensor(NAN), cause=torch.tensor([NAN])).startswith("index[0]")


def test_read():
    assert read([]) == []
    assert read([torch.tensor(2), torch.tensor(0.5, requires_grad=True)]) == [2, 0.5]
