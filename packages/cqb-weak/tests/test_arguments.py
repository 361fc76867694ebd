import pytest
import torch

from cqb_weak import arguments

BOX = torch.tensor([[0.0, 0, 4, 4]])
NAN, INF = float("nan"), float("inf")


def test_axes_bind_across_tensors():
    shapes = arguments.Shapes(t=3)
    first = torch.zeros(2, 3)
    assert shapes.check("first", first, "n t") is first
    shapes.check("any", torch.zeros(2, 9, 4), "n _ 4")
    with pytest.raises(ValueError, match=r"second: wanted shape \(n=2, 4\), got \(5, 4\)"):
        shapes.check("second", torch.zeros(5, 4), "n 4")
    with pytest.raises(ValueError, match=r"third: wanted shape \(n=2, c\), got \(2,\)"):
        shapes.check("third", torch.zeros(2), "n c")
    with pytest.raises(TypeError, match=r"fourth: wanted a tensor of shape \(n t\), got NoneType"):
        shapes.check("fourth", None, "n t")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floating(dtype):
    arguments.floating(x=torch.zeros(1, dtype=dtype))


@pytest.mark.parametrize(
    ("check", "bad", "message"),
    [
        (arguments.floating, torch.zeros(1, dtype=torch.bool), "x: wanted floating-point numbers, got torch.bool"),
        (arguments.floating, torch.zeros(1, dtype=torch.complex64), "x: wanted floating-point numbers"),
        (arguments.integral, torch.zeros(1), "x: wanted integers, got torch.float32"),
        (arguments.integral, torch.zeros(1, dtype=torch.bool), "x: wanted integers, got torch.bool"),
        (arguments.boolean, torch.zeros(1, dtype=torch.uint8), "x: wanted bool, got torch.uint8"),
    ],
)
def test_dtypes_are_named(check, bad, message):
    with pytest.raises(TypeError, match=message):
        check(x=bad)


def test_right_dtypes_pass():
    arguments.integral(a=torch.zeros(1, dtype=torch.uint8), b=torch.zeros(1).long())
    arguments.boolean(a=torch.zeros(1, dtype=torch.bool))


def test_devices():
    arguments.together(a=BOX, b=BOX)
    with pytest.raises(ValueError, match="one device, got a on cpu, b on meta"):
        arguments.together(a=BOX, b=BOX.to("meta"))


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_finite_names_the_cause_and_the_place(bad):
    cause = torch.zeros(2, 3)
    arguments.finite(cause.sum(), cause=cause)
    cause[1, 2] = bad
    with pytest.raises(ValueError, match=rf"cause: wanted finite numbers, got {bad} at \(1, 2\)"):
        arguments.finite(torch.tensor(NAN), good=torch.zeros(4), cause=cause)


@pytest.mark.parametrize(
    "box", [[-1, 0, 4, 4], [0, -1, 4, 4], [4, 0, 4, 4], [0, 5, 4, 4], [0, 0, 9, 4], [0, 0, 4, 7], [0, 0, NAN, 4]]
)
def test_boxes_within(box):
    arguments.boxes_within("boxes", torch.tensor([[0.0, 0, 8, 6]]), (6.0, 8.0))
    with pytest.raises(ValueError, match=r"boxes\[1\]: wanted 0 <= x0 < x1 <= 8.0 and 0 <= y0 < y1 <= 6.0"):
        arguments.boxes_within("boxes", torch.cat([BOX, torch.tensor([box]).float()]), (6.0, 8.0))


@pytest.mark.parametrize("box", [[5, 0, 4, 4], [0, 5, 4, 4], [NAN, 0, 4, 4], [0, 0, INF, 4], [-INF, 0, 4, 4]])
def test_boxes_ordered(box):
    arguments.boxes_ordered("boxes", torch.tensor([[-3.0, 2, -3, 9]]))
    arguments.boxes_ordered("boxes", torch.zeros(0, 4))
    with pytest.raises(ValueError, match=r"boxes\[1\]: wanted x0 <= x1 and y0 <= y1, finite \(xyxy\), got"):
        arguments.boxes_ordered("boxes", torch.cat([BOX, torch.tensor([box]).float()]))


@pytest.mark.parametrize("bad", [-1, 3])
def test_indices_within(bad):
    arguments.indices_within("index", torch.tensor([0, 2]), 3)
    arguments.indices_within("index", torch.zeros(0).long(), 0)
    with pytest.raises(ValueError, match=rf"index\[2\]: wanted a whole number from 0 to 2, got {bad}"):
        arguments.indices_within("index", torch.tensor([0, 2, bad]), 3)


def test_choice_and_range():
    arguments.choice("mode", "a", ("a", "b"))
    arguments.within("x", 0.5, 0.5, 1.0)
    with pytest.raises(ValueError, match="mode: wanted one of a, b, got 'c'"):
        arguments.choice("mode", "c", ("a", "b"))
    for bad in (1.5, NAN):
        with pytest.raises(ValueError, match=f"x: wanted a number from 0.5 to 1.0, got {bad}"):
            arguments.within("x", bad, 0.5, 1.0)
