from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.optim import OptimWrapper
from torch import nn

import cqb_core.registry  # noqa: F401
from cqb_core.models import SemanticAuxiliary, StageAuxiliary
from cqb_core.testing import losses_of, mixed_batch, tiny_network
from cqb_core.training.clipping import ApartClippingHook, PartsClip

MOST = 0.01


@MODELS.register_module()
class LoudStage(StageAuxiliary):
    """Learns from features that it leaves as they are, a thousand times too loud."""

    name = "loud"

    def __init__(self, host):
        super().__init__()
        self.read = nn.Linear(host.region_dim, 1)

    def asks_for(self, owned):
        return True

    def loss(self, view):
        return {"loss": 1000 * self.read(view.region.detach()).square().mean()}


@MODELS.register_module()
class QuietPixels(SemanticAuxiliary):
    name = "quiet"

    def __init__(self, host):
        super().__init__()
        self.read = nn.Conv2d(host.semantic_dim, 1, 1)

    def asks_for(self, owned):
        return True

    def loss(self, view):
        return {"loss": 1e-6 * self.read(view.feature.detach()).mean()}


@pytest.fixture
def batch(scenes, tmp_path):
    return mixed_batch(scenes, ["P", "P"], tmp_path / "labels.json")


def gradients(network, batch, hook=True, **clip):
    """By name, as a step of the optimiser finds them, and the norm that is logged."""
    wrapper = OptimWrapper(torch.optim.SGD(network.parameters(), lr=0.0), clip_grad=clip or {"max_norm": MOST})
    if hook:
        shell = nn.ModuleDict({"module": network})  # as a network stands in that of several processes
        ApartClippingHook().before_train(SimpleNamespace(model=shell, optim_wrapper=wrapper))
        ApartClippingHook().before_train(SimpleNamespace(model=network, optim_wrapper=wrapper))
    losses = losses_of(network, batch)
    sum(value for name, value in losses.items() if "loss" in name).backward()
    wrapper.step()
    logged = (
        wrapper.message_hub.get_scalar("train/grad_norm").current() if "max_norm" in (clip or {"max_norm": 0}) else 0
    )
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}, logged


def norm(grads, part):
    return float(torch.stack([grad.norm() for name, grad in grads.items() if part(name)]).norm())


def plugged(name):
    return "auxiliaries" in name


def test_the_network_learns_as_if_nothing_loud_were_plugged_in(batch):
    bare, logged = gradients(tiny_network(), batch)
    loud, beside = gradients(tiny_network(auxiliaries=[{"type": "LoudStage"}]), batch)
    assert beside == pytest.approx(logged)
    for name, grad in bare.items():
        torch.testing.assert_close(loud[name], grad, msg=name)
    drowned, _ = gradients(tiny_network(auxiliaries=[{"type": "LoudStage"}]), batch, hook=False)
    assert norm(drowned, lambda name: not plugged(name)) < 0.1 * norm(bare, lambda name: True)


def test_each_kind_has_a_norm_of_its_own_over_all_stages(batch):
    network = tiny_network(auxiliaries=[{"type": "LoudStage"}, {"type": "QuietPixels"}])
    grads, _ = gradients(network, batch)
    assert norm(grads, lambda name: not plugged(name)) == pytest.approx(MOST, rel=1e-3)
    assert norm(grads, lambda name: name.startswith("roi_head.auxiliaries")) == pytest.approx(MOST, rel=1e-3)
    assert 0 < norm(grads, lambda name: name.startswith("semantic_auxiliaries")) < 1e-4


def test_a_network_without_auxiliaries_is_clipped_as_ever(batch):
    ours, logged = gradients(tiny_network(), batch)
    theirs, norm_of_all = gradients(tiny_network(), batch, hook=False)
    assert logged == norm_of_all > MOST
    assert all(torch.equal(grad, theirs[name]) for name, grad in ours.items())


def test_values_are_clipped_where_they_were(batch):
    network = tiny_network(auxiliaries=[{"type": "LoudStage"}])
    grads, _ = gradients(network, batch, type="value", clip_value=1e-4)
    assert max(float(grad.abs().max()) for grad in grads.values()) <= 1e-4


def test_no_clipping_stays_none():
    network = nn.Linear(2, 2)
    wrapper = OptimWrapper(torch.optim.SGD(network.parameters(), lr=0.0))
    ApartClippingHook().before_train(SimpleNamespace(model=network, optim_wrapper=wrapper))
    assert not isinstance(wrapper.clip_func if wrapper.clip_grad_kwargs else None, PartsClip)
