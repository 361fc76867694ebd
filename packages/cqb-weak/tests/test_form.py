"""Types, shapes, dtypes and devices: what passes, and what a user reads when something does not."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from cqb_weak.form import Form

PAIR = Form("first: floating n c", "second?: boolean n _ 2")


@pytest.fixture
def as_installed(monkeypatch):
    """Without the tests' own type checker, which would speak first."""
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)


def test_names_bind_and_what_is_optional_may_be_missing():
    assert PAIR.check(torch.zeros(2, 3), None)["c"] == 3
    assert PAIR.check(torch.zeros(2, 3), torch.ones(2, 9, 2).bool(), c=3)["n"] == 2


def test_arguments_like_the_last_are_not_read_again_and_others_are(monkeypatch):
    form, read = Form("x: floating n 4", "y?: boolean n"), []
    monkeypatch.setattr(form, "_read", lambda *given: read.append(given) or Form._read(form, *given))
    assert [form.check(torch.rand(2, 4), None)["n"] for _ in range(3)] == [2, 2, 2]
    assert len(read) == 1
    for others in ((torch.rand(3, 4), None), (torch.rand(3, 4), torch.ones(3).bool()), (torch.rand(3, 4).half(), None)):
        form.check(*others)
    form.check(torch.rand(3, 4).half(), None, n=3)
    assert len(read) == 5
    with pytest.raises(ValueError, match="x: wanted shape"):
        form.check(torch.rand(3, 5), None)
    with pytest.raises(ValueError, match=r"x: wanted shape \(n=2, 4\)"):
        form.check(torch.rand(3, 4).half(), None, n=2)


def test_what_it_gives_may_be_changed():
    form = Form("x: floating n 4")
    form.check(torch.rand(2, 4))["n"] = 7
    assert form.check(torch.rand(2, 4))["n"] == 2


def test_an_array_is_no_tensor_after_one_has_passed(as_installed):
    form = Form("x: floating n 4")
    form.check(torch.rand(2, 4))
    with pytest.raises(TypeError, match="wanted a tensor"):
        form.check(torch.rand(2, 4).numpy())


@pytest.mark.parametrize(
    ("row", "tensor", "sizes", "message"),
    [
        ("x: any n 4", torch.zeros(5, 4), {"n": 2}, r"x: wanted shape \(n=2, 4\), got \(5, 4\)"),
        ("x: any n 4", torch.zeros(2, 3), {}, r"x: wanted shape \(n=2, 4\), got \(2, 3\)"),
        ("x: any n c", torch.zeros(2), {"n": 2}, r"x: wanted shape \(n=2, c\), got \(2,\)"),
        ("x: any n _ _", torch.zeros(2, 1, 1), {"n": 3}, r"x: wanted shape \(n=3, _, _\), got \(2, 1, 1\)"),
        ("x: any n t+1", torch.zeros(2, 4), {"t": 4}, r"x: wanted shape \(n=2, 5\), got \(2, 4\)"),
        ("x: any n t+1", torch.zeros(2), {}, r"x: wanted shape \(n, t\+1\), got \(2,\)"),
    ],
)
def test_shapes_are_named(row, tensor, sizes, message):
    with pytest.raises(ValueError, match=message):
        Form(row).check(tensor, **sizes)


@pytest.mark.parametrize("wrong", [None, [1.0]])
def test_what_is_no_tensor_is_named(wrong, as_installed):
    with pytest.raises(TypeError, match=rf"x: wanted a tensor of shape \(n 4 6\), got {type(wrong).__name__}"):
        Form("x: floating n 4 t+1").check(wrong, t=5)


@pytest.mark.parametrize(
    ("kind", "good", "bad", "message"),
    [
        ("floating", torch.float16, torch.bool, "x: wanted floating-point numbers, got torch.bool"),
        ("floating", torch.bfloat16, torch.complex64, "x: wanted floating-point numbers, got torch.complex64"),
        ("floating", torch.float64, torch.int64, "x: wanted floating-point numbers, got torch.int64"),
        ("integral", torch.uint8, torch.float32, "x: wanted integers, got torch.float32"),
        ("integral", torch.int64, torch.bool, "x: wanted integers, got torch.bool"),
        ("integral", torch.int32, torch.complex64, "x: wanted integers, got torch.complex64"),
        ("boolean", torch.bool, torch.uint8, "x: wanted bool, got torch.uint8"),
    ],
)
def test_dtypes_are_named(kind, good, bad, message):
    form = Form(f"x: {kind} n")
    form.check(torch.zeros(1, dtype=good))
    with pytest.raises(TypeError, match=message):
        form.check(torch.zeros(1, dtype=bad))


def test_devices_are_listed():
    with pytest.raises(ValueError, match="wanted all arguments on one device, got first on cpu, second on meta"):
        PAIR.check(torch.zeros(2, 3), torch.zeros(2, 1, 2, dtype=torch.bool, device="meta"))


def test_a_row_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"x: wanted an axis such as n, 4, t\+1 or _, got '-3'"):
        Form("x: any -3")


AXES = st.lists(st.sampled_from(["n", "m", "2", "n+1", "_"]), max_size=3)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(AXES, st.lists(st.integers(1, 3), max_size=3)), min_size=1, max_size=3))
def test_shapes_pass_exactly_when_some_sizes_explain_them(rows):
    """Against all assignments of 0 to 3 to the names, one by one."""

    def fits(axes, shape, n, m):
        sizes = {"n": n, "m": m, "2": 2, "n+1": n + 1}
        return len(axes) == len(shape) and all(
            sizes.get(axis, size) == size for axis, size in zip(axes, shape, strict=True)
        )

    explained = any(all(fits(axes, shape, n, m) for axes, shape in rows) for n in range(4) for m in range(4))
    form = Form(*(f"x{k}: any {' '.join(axes)}" for k, (axes, _) in enumerate(rows)))
    try:
        form.check(*(torch.zeros(shape) for _, shape in rows))
    except ValueError:
        assert not explained
    else:
        assert explained
