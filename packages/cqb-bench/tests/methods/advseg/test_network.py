"""AdvSeg in the network: its config, who teaches it, and what it teaches."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from cqb_bench.catalogue import methods
from cqb_core import Labels
from cqb_core.training.config import load_config

ADVSEG = {"type": "AdvSeg", "warm_up": 0, "channels": 8}
TERMS = {"advseg.loss_adv", "advseg.loss_semi", "advseg.loss_discriminator"}
CONFIGS = {
    "panoptic-cascade_tiny_scenes": {"type": "AdvSeg", "beta": 1.0},
    "panoptic-cascade_lite0_fpn_camvid": {"type": "AdvSeg", "beta": 1.0},
    "panoptic-cascade_r50_fpn_24e_coco": {"type": "AdvSeg", "beta": 0.5},
}


@pytest.fixture
def method():
    (found,) = (method for method in methods() if method.name == "advseg")
    return found


def ours(losses):
    return {name: value for name, value in losses.items() if name.startswith("advseg.")}


@pytest.mark.parametrize("config", CONFIGS)
def test_configured_by_the_weight_of_the_cross_entropy(method, config):
    content = load_config(config).to_dict()
    before = copy.deepcopy(content)
    made = method.configure(content)
    assert content == before
    assert made["model"].pop("auxiliaries") == [CONFIGS[config]]
    before["model"].pop("auxiliaries", None)
    wrapper = made.pop("optim_wrapper")
    old = before.pop("optim_wrapper")
    keys = old.get("paramwise_cfg", {}).get("custom_keys", {})
    assert wrapper["paramwise_cfg"]["custom_keys"] == keys | {"discriminator": {"lr_mult": 0.4, "decay_mult": 0.0}}
    assert {**wrapper, "paramwise_cfg": None} == {**old, "paramwise_cfg": None}
    assert made == before


def test_is_compared_on_stuff_from_tags(method):
    assert (method.task, method.rest, method.ours) == ("semantic", Labels.IMAGE, False)


def test_one_optimiser_steps_both_networks_each_at_its_pace(method, network):
    made = method.configure(load_config("panoptic-cascade_tiny_scenes").to_dict())
    built = network(*made["model"]["auxiliaries"])
    optimiser = build_optim_wrapper(built, made["optim_wrapper"]).optimizer
    paces = {id(group["params"][0]): (group["lr"], group["weight_decay"]) for group in optimiser.param_groups}
    (module,) = built.semantic_auxiliaries
    assert all(paces[id(parameter)] == (pytest.approx(0.0008), 0) for parameter in module.parameters())
    assert paces[id(built.semantic_head.conv_logits.weight)] == (0.002, 0.01)


@pytest.mark.parametrize("owned", ["I", "B", "M"])
def test_an_image_without_a_stuff_map_is_unlabelled_whatever_it_owns(owned, network, losses):
    made = ours(losses(network(ADVSEG), owned, owned))
    assert {name for name, value in made.items() if value != 0} == {"advseg.loss_adv", "advseg.loss_semi"}


def test_what_an_unlabelled_image_owns_does_not_matter(network, losses):
    tagged, boxed = (ours(losses(network(ADVSEG), owned)) for owned in ("I", "B"))
    for name in TERMS:
        torch.testing.assert_close(tagged[name], boxed[name])


def test_the_discriminator_learns_from_images_with_a_stuff_map_alone(network, losses):
    alone, beside = (ours(losses(network(ADVSEG), *names)) for names in (("P",), ("P", "I")))
    name = "advseg.loss_discriminator"
    torch.testing.assert_close(alone[name], beside[name], rtol=1e-4, atol=1e-6)
    assert alone[name] > 0


def test_maps_teach_the_discriminator_and_predictions_the_segmentation(network, losses):
    built = network(ADVSEG)
    made = losses(built, "P", "I")
    sum(ours(made).values()).backward()
    (module,) = built.semantic_auxiliaries
    taught = [*module.parameters(), built.semantic_head.conv_logits.weight, built.backbone.conv1.weight]
    assert all(parameter.grad.abs().sum() > 0 for parameter in taught)


@pytest.mark.parametrize("owned", [("P", "I", "B"), ("B",), ("S",), ("I",)])
def test_every_parameter_of_the_network_gets_a_gradient(owned, network, losses):
    built = network(ADVSEG)
    sum(value for name, value in losses(built, *owned).items() if "loss" in name).backward()
    assert [name for name, parameter in built.named_parameters() if parameter.grad is None] == []
