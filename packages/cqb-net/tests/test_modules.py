import pytest

from cqb_core import InputError
from cqb_net.modules import without

NAME = "cqb-net_tiny_scenes"


@pytest.mark.parametrize(
    ("left_out", "kept"),
    [
        ([], ["Cls2Box", "Box2Mask", "Relation", "Cls2Pixel"]),
        (["Relation"], ["Cls2Box", "Box2Mask", "Cls2Pixel"]),
        (["cls2box", "CLS2PIXEL"], ["Box2Mask", "Relation"]),
        (["all"], []),
    ],
)
def test_modules_are_switched_off(left_out, kept):
    assert [auxiliary.type for auxiliary in without(NAME, left_out).model.auxiliaries] == kept


def test_a_config_without_modules_is_what_it_was():
    assert without("panoptic-cascade_tiny_scenes", ["all"]).model.auxiliaries == []


@pytest.mark.parametrize(
    ("config", "left_out", "message"),
    [
        (NAME, ["Relations"], r"wanted one of Cls2Box, Box2Mask, Relation, Cls2Pixel, got Relations \(did you mean Re"),
        (NAME, ["Relation", "Relation"], "wanted one of Cls2Box, Box2Mask, Cls2Pixel, got Relation"),
        ("panoptic-cascade_tiny_scenes", ["Relation"], "wanted nothing: it has no module left, got Relation"),
    ],
)
def test_a_module_that_is_not_there(config, left_out, message):
    with pytest.raises(InputError, match=f"--without: {config}: {message}"):
        without(config, left_out)
