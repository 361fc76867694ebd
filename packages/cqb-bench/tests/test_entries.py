from dataclasses import replace

import pytest

from cqb_bench.bench import plan_bench
from cqb_bench.catalogue import methods
from cqb_bench.entries import BASELINE, UPPER, Entry, configured, entries
from cqb_core import Labels
from cqb_net.pilots.pilot import Recipe
from cqb_net.pilots.planning import plan_sweep
from cqb_net.pilots.protocol import named_rows, table2


@pytest.fixture(scope="module")
def recipe():
    return Recipe.of("cqb-net_tiny_scenes", 1)


def named(*names):
    return [method for method in methods() if method.name in names]


def test_each_share_has_a_baseline_every_method_and_an_upper_bound_on_finer_labels():
    made = entries("detection", Labels.IMAGE, named("cls2box", "wsddn"), [0.1, 0.5, 0.1], 2)
    assert [(e.seed, e.share) for e in made[::4]] == [(0, 0.1), (0, 0.5), (1, 0.1), (1, 0.5)]
    assert [(e.method, e.rest) for e in made[:4]] == [
        (BASELINE, Labels.IMAGE),
        ("cls2box", Labels.IMAGE),
        ("wsddn", Labels.IMAGE),
        (UPPER, Labels.BOX),
    ]
    assert made[0].allocation == {Labels.PANOPTIC: 0.1, Labels.IMAGE: 0.9}
    assert made[2].title == "detection wsddn, 0.1 P + I, seed 0"


def test_all_full_labels_leave_no_rest():
    assert Entry("semantic", "cam", Labels.IMAGE, 1.0, 0).allocation == {Labels.PANOPTIC: 1.0}


def test_without_a_method_no_auxiliary_is_on(recipe):
    made = configured(recipe, Entry("detection", BASELINE, Labels.IMAGE, 0.1, 0))
    assert made == {**recipe.content, "model": {**recipe.content["model"], "auxiliaries": []}}


def test_a_method_is_the_one_auxiliary_and_brings_its_module(recipe):
    made = configured(recipe, Entry("detection", "wsddn", Labels.IMAGE, 0.1, 0))
    assert made["model"]["auxiliaries"] == [{"type": "WSDDN"}]
    assert made["custom_imports"]["imports"] == ["cqb_net.registry", "cqb_bench.methods.wsddn.auxiliary"]
    assert recipe.content["custom_imports"]["imports"] == ["cqb_net.registry"]


def test_our_own_methods_are_the_trainings_of_table_2(scenes, recipe):
    ours = {"detection": "Cls2Box", "semantic": "Cls2Pixel", "instance": "Box2Mask"}
    for task, row in ours.items():
        entries = table2(named_rows([row]), [0.5], 1)
        pilots = plan_sweep(scenes, recipe, entries, allow_unseen=True).trainings
        options = {"methods": [row.lower()], "shares": [0.5], "seeds": 1, "epochs": 1, "allow_unseen": True}
        compared = plan_bench(scenes, "cqb-net_tiny_scenes", task, **options).trainings
        assert [planned.pilot.key for planned in compared] == [planned.pilot.key for planned in pilots]


def test_options_that_the_config_lists_hold(recipe):
    ours = configured(recipe, Entry("detection", "cls2box", Labels.IMAGE, 0.1, 0))
    model = recipe.content["model"]
    written = [auxiliary for auxiliary in model["auxiliaries"] if auxiliary["type"] == "Cls2Box"]
    assert ours["model"]["auxiliaries"] == written != [{"type": "Cls2Box"}]
    listed = {**model, "auxiliaries": [{"type": "WSDDN", "class_stream": "own"}, {"type": "Cls2Box"}]}
    other = replace(recipe, content={**recipe.content, "model": listed})
    made = configured(other, Entry("detection", "wsddn", Labels.IMAGE, 0.1, 0))
    assert made["model"]["auxiliaries"] == [{"type": "WSDDN", "class_stream": "own"}]
    assert configured(other, Entry("detection", UPPER, Labels.BOX, 0.1, 0))["model"]["auxiliaries"] == []
