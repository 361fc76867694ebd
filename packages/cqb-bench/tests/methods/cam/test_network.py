"""CAM in the network: its config, who teaches it, and what it teaches."""

import copy

import pytest
import torch

from cqb_bench.catalogue import methods
from cqb_core import Labels
from cqb_core.training.config import load_config

CAM = {"type": "Cam", "warm_up": 0}
TERMS = {"cam.loss_cls", "cam.loss_pseudo"}


@pytest.fixture
def method():
    (found,) = (method for method in methods() if method.name == "cam")
    return found


def ours(losses):
    return {name: value for name, value in losses.items() if name.startswith("cam.")}


@pytest.mark.parametrize(
    "config",
    ["panoptic-cascade_tiny_scenes", "panoptic-cascade_lite0_fpn_camvid", "panoptic-cascade_r50_fpn_24e_coco"],
)
def test_nothing_but_the_auxiliary_is_configured(method, config):
    content = load_config(config).to_dict()
    before = copy.deepcopy(content)
    made = method.configure(content)
    assert content == before
    assert made["model"].pop("auxiliaries") == [{"type": "Cam"}]
    before["model"].pop("auxiliaries", None)
    assert made == before


def test_is_compared_on_stuff_from_tags(method):
    assert (method.task, method.rest, method.ours) == ("semantic", Labels.IMAGE, False)


def test_its_config_builds_and_learns(method, network, losses):
    made = method.configure(load_config("panoptic-cascade_tiny_scenes").to_dict())
    assert ours(losses(network(*made["model"]["auxiliaries"]), "P", "I")).keys() == TERMS


@pytest.mark.parametrize(("owned", "taught"), [
    ("I", TERMS),
    ("P", {"cam.loss_cls"}),
    ("S", {"cam.loss_cls"}),
    ("B", set()),
    ("M", set()),
])  # fmt: skip
def test_terms_that_a_label_set_teaches(owned, taught, network, losses):
    made = ours(losses(network(CAM), owned, owned))
    assert {name for name, value in made.items() if value != 0} == taught


def test_other_images_of_the_batch_have_no_part(network, losses):
    alone, beside = (ours(losses(network(CAM), *names)) for names in (("I",), ("I", "B")))
    for name in TERMS:
        torch.testing.assert_close(alone[name], beside[name], rtol=1e-4, atol=1e-6)


def test_every_parameter_learns_from_tags(network, losses):
    built = network(CAM)
    sum(ours(losses(built, "I", "I")).values()).backward()
    (module,) = built.semantic_auxiliaries
    taught = [*module.parameters(), built.semantic_head.conv_logits.weight, built.backbone.conv1.weight]
    assert all(parameter.grad.abs().sum() > 0 for parameter in taught)


@pytest.mark.parametrize("owned", [("P", "I", "B"), ("B",), ("S",), ("I",)])
def test_every_parameter_of_the_network_gets_a_gradient(owned, network, losses):
    built = network(CAM)
    sum(value for name, value in losses(built, *owned).items() if "loss" in name).backward()
    assert [name for name, parameter in built.named_parameters() if parameter.grad is None] == []
