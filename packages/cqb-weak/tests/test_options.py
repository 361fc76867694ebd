import pytest

from cqb_weak import options


def test_choice():
    options.choice("mode", "a", ("a", "b"))
    with pytest.raises(ValueError, match="mode: wanted one of a, b, got 'c'"):
        options.choice("mode", "c", ("a", "b"))


@pytest.mark.parametrize("bad", [1.5, float("nan")])
def test_within(bad):
    options.within("x", 0.5, 0.5, 1.0)
    with pytest.raises(ValueError, match=f"x: wanted a number from 0.5 to 1.0, got {bad}"):
        options.within("x", bad, 0.5, 1.0)
