"""FCN-MIL in the network: its config, who teaches it, and what it teaches."""

import copy

import pytest
import torch

from cqb_bench.catalogue import methods
from cqb_core import Labels
from cqb_core.training.config import load_config

MIL = {"type": "FcnMil"}
TERM = "fcn_mil.loss_mil"


@pytest.fixture
def method():
    (found,) = (method for method in methods() if method.name == "fcn-mil")
    return found


def test_configured(method):
    content = load_config("panoptic-cascade_tiny_scenes").to_dict()
    before = copy.deepcopy(content)
    made = method.configure(content)
    assert content == before
    assert made["model"].pop("auxiliaries") == [MIL]
    before["model"].pop("auxiliaries", None)
    assert made == before


def test_is_compared_on_stuff_from_tags(method):
    assert (method.task, method.rest, method.ours) == ("semantic", Labels.IMAGE, False)


@pytest.mark.parametrize(("owned", "taught"), [("I", True), ("I+B", True), ("P", False), ("S", False), ("B", False)])
def test_what_a_label_set_teaches(owned, taught, network, losses):
    made = losses(network(MIL), owned, owned, "S")
    assert bool(made[TERM] > 0) == taught


def test_other_images_of_the_batch_have_no_part_but_in_its_weight(network, losses):
    alone, beside = (losses(network(MIL), *names)[TERM] for names in (("I",), ("I", "P", "S", "B")))
    torch.testing.assert_close(alone / 2, beside, rtol=1e-4, atol=1e-6)  # a quarter of the batch, full from a half on


def test_tags_teach_the_semantic_branch(network, losses):
    built = network(MIL)
    losses(built, "I", "I")[TERM].backward()
    taught = [built.semantic_head.conv_logits.weight, built.backbone.conv1.weight]
    assert all(parameter.grad.abs().sum() > 0 for parameter in taught)


@pytest.mark.parametrize("owned", [("P", "I", "B"), ("B",), ("S",), ("I",)])
def test_every_parameter_of_the_network_gets_a_gradient(owned, network, losses):
    built = network(MIL)
    sum(value for name, value in losses(built, *owned).items() if "loss" in name).backward()
    assert [name for name, parameter in built.named_parameters() if parameter.grad is None] == []
