"""Cls2Pixel: stuff from image tags, by reliable activation maps and dense energy (L_C2P)."""

from functools import partial

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

METHOD = Method(
    name="cls2pixel",
    title="Cls2Pixel",
    task="semantic",
    rest=Labels.IMAGE,
    source="Du, Jiang, Xu, Zhang, Li: How to Save your Annotation Cost for Panoptic Segmentation?, AAAI 2021",
    configure=partial(with_auxiliary, kind="Cls2Pixel"),
    ours=True,
    registers=("cqb_net.registry",),
)
