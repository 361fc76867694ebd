"""AdvSeg: a discriminator of label maps teaches the segmentation on images without any (Hung et al. 2018)."""

from typing import Any

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

PACE = {"lr_mult": 0.4, "decay_mult": 0.0}
"""Of the discriminator's parameters: the paper's learning rates are 1e-4 to 2.5e-4, and only the other one decays."""


def _configure(config: dict[str, Any]) -> dict[str, Any]:
    """The terms stand beside the config's cross-entropy, and the discriminator steps at a pace of its own."""
    beta = config["model"]["semantic_head"].get("loss_seg", {}).get("loss_weight", 1.0)
    made = with_auxiliary(config, "AdvSeg", beta=beta)
    wrapper = dict(config["optim_wrapper"])
    paces = wrapper.get("paramwise_cfg") or {}
    keys = {**paces.get("custom_keys", {}), "discriminator": dict(PACE)}
    return {**made, "optim_wrapper": {**wrapper, "paramwise_cfg": {**paces, "custom_keys": keys}}}


METHOD = Method(
    name="advseg",
    title="AdvSeg",
    task="semantic",
    rest=Labels.IMAGE,
    source="Hung, Tsai, Liou, Lin, Yang: Adversarial Learning for Semi-Supervised Semantic Segmentation, BMVC 2018",
    configure=_configure,
    registers=("cqb_bench.methods.advseg.auxiliary",),
)
