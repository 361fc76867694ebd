"""Each module learns from the images whose labels it needs, and from no other."""

import pytest
import torch

from cqb_core.testing import losses_of, mixed_batch

ALL = (
    {"type": "Cls2Box"},
    {"type": "Box2Mask"},
    {"type": "Relation"},
    {"type": "Cls2Pixel", "warm_up": 0, "absent_weight": 1.0},
)
STAGE_TERMS = {
    "Cls2Box": ("cls2box.loss_cls2box",),
    "Box2Mask": ("box2mask.loss_mil", "box2mask.loss_structure"),
    "Relation": ("relation.loss_cls", "relation.loss_bbox", "relation.loss_seg"),
}
ON = {
    "P": {"relation.loss_cls", "relation.loss_bbox", "relation.loss_seg", "cls2pixel.loss_cls"},
    "B": {"box2mask.loss_mil", "box2mask.loss_structure", "relation.loss_cls", "relation.loss_bbox"},
    "I": {"cls2box.loss_cls2box", *(f"cls2pixel.loss_{term}" for term in ("pseudo", "cls", "energy", "absent"))},
    "S": {"relation.loss_seg", "cls2pixel.loss_cls"},
    "M": {"relation.loss_cls", "relation.loss_bbox"},
}


@pytest.mark.parametrize("owned", ON)
def test_terms_that_a_label_set_teaches(owned, network, losses):
    made = losses(network(*ALL), owned, owned)
    taught = {name.partition(".")[2] if name.startswith("s0.") else name for name, value in made.items() if value != 0}
    taught = {name for name in taught if not name.startswith(("s1.", "s2."))}
    assert taught - {"cls2pixel.loss_pseudo"} == ON[owned] - {"cls2pixel.loss_pseudo"}
    if "cls2pixel.loss_pseudo" not in ON[owned]:
        assert "cls2pixel.loss_pseudo" not in taught


def test_names_do_not_depend_on_the_batch(network, losses):
    wanted = {f"s{stage}.{name}" for stage in range(3) for names in STAGE_TERMS.values() for name in names}
    wanted |= {f"cls2pixel.loss_{term}" for term in ("pseudo", "cls", "energy", "absent")}
    for owned in (("P", "I", "B", "S"), ("I",), ("S",), ("B",)):
        assert losses(network(*ALL), *owned).keys() == wanted


@pytest.mark.parametrize("owned", [("P", "I", "B", "S"), ("I",), ("B",), ("S",), ("P",)])
def test_every_parameter_gets_a_gradient(owned, network, scenes, tmp_path):
    built = network(*ALL)
    made = losses_of(built, mixed_batch(scenes, owned, tmp_path / "labels.json"))
    sum(value for name, value in made.items() if "loss" in name).backward()
    without = [name for name, parameter in built.named_parameters() if parameter.grad is None]
    assert without == []
    assert all(torch.isfinite(parameter.grad).all() for parameter in built.parameters())


@pytest.mark.parametrize("kind", STAGE_TERMS)
def test_a_module_may_be_left_out(kind, network, losses):
    kept = [config for config in ALL if config["type"] != kind]
    made = losses(network(*kept), "P", "I", "B", "S")
    assert not {name for name in made if any(term in name for term in STAGE_TERMS[kind])}


@pytest.mark.parametrize(("term", "config", "owned"), [
    ("cls2box.loss_cls2box", ALL[0], ("I", "P")),
    ("box2mask.loss_mil", ALL[1], ("B", "P")),
    ("cls2pixel.loss_cls", ALL[3], ("I", "B")),
])  # fmt: skip
def test_other_images_of_the_batch_have_no_part(term, config, owned, network, losses):
    config = {**config, "dropout": 0.0} if config["type"] == "Cls2Pixel" else config
    alone, beside = (losses(network(config), *names) for names in ((owned[0],), owned))
    name = term if term in alone else f"s0.{term}"
    torch.testing.assert_close(alone[name], beside[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("module", ALL, ids=lambda module: module["type"])
def test_the_network_begins_with_the_same_weights_whatever_is_plugged_in(module, network):
    """As a training does: seeded, built, initialised."""

    def begun(*modules):
        built = network(*modules)
        built.init_weights()
        return built.state_dict()

    bare, plugged = begun(), begun(module)
    assert all(torch.equal(weight, plugged[name]) for name, weight in bare.items())
