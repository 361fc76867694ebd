import pytest

from cqb_core.errors import InputError
from cqb_core.scenes import SceneStyle


@pytest.mark.parametrize("knob", ["coherence", "ambiguity", "noise", "occlusion", "void", "crowd"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_shares_outside_0_1_are_named(knob, value):
    with pytest.raises(InputError, match=rf"scene style: {knob}: wanted a share in \[0, 1\], got {value}"):
        SceneStyle(**{knob: value})


@pytest.mark.parametrize(
    ("knob", "value", "wanted"),
    [
        ("size", (128, 96), r"two integers, rising, in 32\.\.4096, got \(128, 96\)"),
        ("size", (8, 96), r"two integers, rising, in 32\.\.4096, got \(8, 96\)"),
        ("things", (-1, 3), r"two integers, rising, in 0\.\.100, got \(-1, 3\)"),
        ("scale", 0.0, "a factor above 0 and at most 4, got 0.0"),
        ("scale", float("inf"), "a factor above 0 and at most 4, got inf"),
    ],
)
def test_other_knobs_out_of_range_are_named(knob, value, wanted):
    with pytest.raises(InputError, match=f"scene style: {knob}: wanted {wanted}"):
        SceneStyle(**{knob: value})


def test_the_ends_of_the_ranges_are_allowed():
    style = SceneStyle(size=(32, 32), things=(0, 0), coherence=0.0, ambiguity=1.0, scale=4.0)
    assert style.to_json()["size"] == (32, 32)
    assert style.to_json()["ambiguity"] == 1.0
