"""One config for the stages of the cascade instead of a list that repeats it."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

TARGET_STDS = ((0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067))
"""Spread of the box targets of stages 1 to 3 (Cai and Vasconcelos 2018, Sec. 4.1)."""

POSITIVE_IOUS = (0.5, 0.6, 0.7)
"""IoU from which a proposal is positive (the paper, Sec. "Overall End-to-End Training")."""


def box_heads(head: Any, num_stages: int) -> list[Any]:
    """A box head a stage, each regressing ever finer corrections; a list is taken as it is."""
    if not isinstance(head, Mapping):
        return list(head)
    heads = [copy.deepcopy(dict(head)) for _ in range(num_stages)]
    for stage, config in enumerate(heads):
        stds = TARGET_STDS[min(stage, len(TARGET_STDS) - 1)]
        coder = {"type": "DeltaXYWHBBoxCoder", "target_means": [0.0] * 4, "target_stds": stds}
        config["bbox_coder"] = coder | dict(config.get("bbox_coder", {}))
    return heads


def training(config: Any, num_stages: int) -> Any:
    """The training config of each stage, with its IoU threshold; a list is taken as it is, and so is None."""
    if not isinstance(config, Mapping):
        return config
    configs = [copy.deepcopy(config) for _ in range(num_stages)]
    for stage, rcnn in enumerate(configs):
        iou = POSITIVE_IOUS[min(stage, len(POSITIVE_IOUS) - 1)]
        rcnn["assigner"].update(pos_iou_thr=iou, neg_iou_thr=iou, min_pos_iou=iou)
    return configs


def count_classes(heads: Any, num_things: int) -> None:
    """Tell the head, or each of a list of heads, how many thing classes there are."""
    for head in heads if isinstance(heads, Sequence) else [heads]:
        head["num_classes"] = num_things
