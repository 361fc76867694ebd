import pytest
import torch

from cqb_graph import arguments


def test_shapes_bind_letters_and_refuse_others():
    shapes = arguments.Shapes(c=3)
    shapes.check("first", torch.zeros(2, 3), "n c")
    shapes.check("any", torch.zeros(9, 2), "_ n")
    assert shapes.sizes == {"c": 3, "n": 2}
    with pytest.raises(ValueError, match=r"second: wanted shape \(n=2, d\), got \(4, 5\)"):
        shapes.check("second", torch.zeros(4, 5), "n d")
    with pytest.raises(ValueError, match=r"third: wanted shape \(n=2\), got \(2, 1\)"):
        shapes.check("third", torch.zeros(2, 1), "n")


def test_no_tensor(as_installed):
    with pytest.raises(TypeError, match=r"first: wanted a tensor of shape \(n c\), got list"):
        arguments.Shapes().check("first", [1.0], "n c")


@pytest.mark.parametrize(
    ("check", "wrong", "message"),
    [
        (arguments.floating, torch.zeros(1, dtype=torch.int64), "x: wanted floating-point numbers, got torch.int64"),
        (arguments.integral, torch.zeros(1), "x: wanted integers, got torch.float32"),
        (arguments.integral, torch.zeros(1, dtype=torch.bool), "x: wanted integers, got torch.bool"),
        (arguments.boolean, torch.zeros(1), "x: wanted bool, got torch.float32"),
    ],
)
def test_types(check, wrong, message):
    with pytest.raises(TypeError, match=message):
        check(x=wrong)


def test_devices():
    with pytest.raises(ValueError, match="wanted all arguments on one device, got x on cpu, y on meta"):
        arguments.together(x=torch.zeros(1), y=torch.zeros(1, device="meta"))


def test_range_names_the_first_that_is_out():
    arguments.in_range("x", torch.tensor([0, 3, 255]), 0, 3, besides=255)
    with pytest.raises(ValueError, match=r"x\[1, 0\]: wanted an integer from 0 to 3 or 255, got 4"):
        arguments.in_range("x", torch.tensor([[0, 255], [4, 5]]), 0, 3, besides=255)
    with pytest.raises(ValueError, match=r"x\[0\]: wanted an integer from 0 to 3, got 255"):
        arguments.in_range("x", torch.tensor([255]), 0, 3)


def test_finite_names_the_cause():
    good, bad = torch.ones(2), torch.tensor([[0.0, torch.nan]])
    arguments.finite(good.sum(), good=good, bad=bad)
    with pytest.raises(ValueError, match=r"bad: wanted finite numbers, got nan at \(0, 1\)"):
        arguments.finite(bad.sum(), good=good, bad=bad)


def test_room_and_positive():
    arguments.room("longest", 2, torch.tensor([0, 1, 1]))
    arguments.room("longest", 0, torch.tensor([], dtype=torch.long))
    with pytest.raises(ValueError, match="longest: wanted at least the most regions of an image, 3, got 2"):
        arguments.room("longest", 2, torch.tensor([1, 1, 1]))
    with pytest.raises(ValueError, match="sizes: wanted a positive integer, got -2"):
        arguments.positive(sizes=-2)
