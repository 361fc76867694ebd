"""Mask^X R-CNN: mask weights of a class from its box weights."""

from copy import deepcopy
from typing import Any

from cqb_bench.method import Method
from cqb_core import InputError, Labels


def configure(config: dict[str, Any]) -> dict[str, Any]:
    """Another cascade and other mask heads. Options of the heads (`MaskXHead`) stand under `mask_x`.

    Raises:
        InputError: when the config has another cascade than cqb-core's, or other mask heads than mmdet's `FCNMaskHead`.
    """
    made = deepcopy(config)
    cascade, options = made["model"]["roi_head"], made.get("mask_x", {})
    cascade["type"] = _replaced(cascade, "RoutedCascadeRoIHead", "MaskXCascadeRoIHead", "model.roi_head.type")
    heads = cascade["mask_head"]
    if isinstance(heads, list):
        cascade["mask_head"] = [_head(head, options) for head in heads]
    else:
        cascade["mask_head"] = _head(heads, options)
    return made


def _head(head: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    kind = _replaced(head, "FCNMaskHead", "MaskXHead", "model.roi_head.mask_head.type")
    return {**head, **options, "type": kind}


def _replaced(part: dict[str, Any], old: str, new: str, field: str) -> str:
    """The new type of a part that has the old one."""
    if part["type"] != old:
        raise InputError("mask-x", field, old, part["type"])
    return new


METHOD = Method(
    name="mask-x",
    title="Mask^X R-CNN",
    task="instance",
    rest=Labels.BOX,
    source="Hu, Dollár, He, Darrell, Girshick: Learning to Segment Every Thing. CVPR 2018",
    configure=configure,
    registers=("cqb_bench.methods.mask_x.head", "cqb_bench.methods.mask_x.cascade"),
)
