"""Cls2Box: boxes from image tags, coupled with the detector's own classifier (L_C2B)."""

from functools import partial

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

METHOD = Method(
    name="cls2box",
    title="Cls2Box",
    task="detection",
    rest=Labels.IMAGE,
    source="Du, Jiang, Xu, Zhang, Li: How to Save your Annotation Cost for Panoptic Segmentation?, AAAI 2021",
    configure=partial(with_auxiliary, kind="Cls2Box"),
    ours=True,
    registers=("cqb_net.registry",),
)
