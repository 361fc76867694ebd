from dataclasses import replace

import pytest

from cqb_core import InputError, Labels
from cqb_core.training import load_config
from cqb_net.pilots.pilot import Pilot, Recipe

NAME = "cqb-net_tiny_scenes"
HALF = {Labels.PANOPTIC: 0.5, Labels.IMAGE: 0.5}


def pilot(recipe, modules=(), allocation=HALF, seed=0, fingerprint="f"):
    return Pilot(recipe.with_modules(modules), recipe.name, recipe.options, allocation, seed, fingerprint)


def test_one_module_is_on_with_the_options_of_the_config():
    content = Recipe.of(NAME).with_modules(["Relation"])
    assert content["model"]["auxiliaries"] == [load_config(NAME).model.auxiliaries[2].to_dict()]
    assert Recipe.of(NAME).with_modules([])["model"]["auxiliaries"] == []
    assert len(Recipe.of(NAME).content["model"]["auxiliaries"]) == 4


def test_options_of_an_auxiliary_hold_where_it_is_on():
    options = {"model.auxiliaries.3.warm_up": 7, "train_dataloader.batch_size": 3}
    recipe = Recipe.of(NAME, options=options)
    (made,) = recipe.with_modules(["Cls2Pixel"])["model"]["auxiliaries"]
    assert made == {**load_config(NAME).model.auxiliaries[3].to_dict(), "warm_up": 7}
    assert recipe.options == {"train_dataloader.batch_size": 3}


def test_a_pilot_is_not_validated_while_it_trains():
    loop = Recipe.of(NAME, 5).content["train_cfg"]
    assert (loop["max_epochs"], loop["val_begin"]) == (5, 6)
    assert Recipe.of(NAME, 5, {"train_cfg.max_epochs": 9}).content["train_cfg"]["val_begin"] == 10
    assert Recipe.of(NAME, 5, {"train_cfg.val_begin": 1}).content["train_cfg"]["val_begin"] == 1


def test_a_module_that_the_config_lacks_is_named():
    with pytest.raises(InputError) as caught:
        Recipe.of("panoptic-cascade_tiny_scenes").with_modules(["Cls2Box"])
    wanted = "wanted Cls2Box, which a row of the sweep switches on, got none"
    assert str(caught.value) == f"panoptic-cascade_tiny_scenes: model.auxiliaries: {wanted}"


def test_the_key_is_that_of_all_that_decides_the_result():
    recipe = Recipe.of(NAME, 2)
    base = pilot(recipe)
    others = [
        pilot(recipe, ["Cls2Box"]),
        pilot(recipe, allocation={Labels.PANOPTIC: 0.4, Labels.IMAGE: 0.6}),
        pilot(recipe, allocation={Labels.PANOPTIC: 0.5, Labels.BOX: 0.5}),
        pilot(recipe, seed=1),
        pilot(recipe, fingerprint="g"),
        pilot(Recipe.of(NAME, 3)),
        pilot(Recipe.of(NAME, 2, {"train_dataloader.batch_size": 3})),
    ]
    assert len({base.key, *(other.key for other in others)}) == 1 + len(others)
    assert pilot(Recipe.of(NAME, 2)).key == base.key
    assert replace(base, name="the same config in another file").key == base.key


def test_the_config_survives_as_mmengine_wants_it():
    config = pilot(Recipe.of(NAME), ["Relation"]).mmengine_config()
    assert config.model.auxiliaries[0].type == "Relation"
    assert config.model.backbone.out_indices == (0, 1, 2, 3)
