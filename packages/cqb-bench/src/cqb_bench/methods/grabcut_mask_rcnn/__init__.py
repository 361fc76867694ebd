"""GrabCut in the boxes that annotators drew: masks that the mask heads then learn."""

from copy import deepcopy
from typing import Any

from cqb_bench.method import Method
from cqb_core import InputError, Labels

NEEDED = ("LoadPhoto", "LoadOwnedLabels", "PackOwnedLabels")
"""Transforms that a pipeline must have, in this order."""


def configure(config: dict[str, Any]) -> dict[str, Any]:
    """Another loader of labels, in the place of the old one, and a hook that reports what could not be cut.

    Options of GrabCut stand under `grabcut`.

    Raises:
        InputError: when the training pipeline does not load photograph and labels as cqb-core does.
    """
    made = deepcopy(config)
    pipeline = made["train_dataloader"]["dataset"]["pipeline"]
    names = [transform["type"] for transform in pipeline]
    if [name for name in names if name in NEEDED] != list(NEEDED):
        field = "train_dataloader.dataset.pipeline"
        raise InputError("grabcut-mask-rcnn", field, f"{', '.join(NEEDED)} in this order", ", ".join(names) or "none")
    _, load, pack = (pipeline[names.index(name)] for name in NEEDED)
    load.update(made.get("grabcut", {}), type="LoadAndCutLabels")
    pack["meta_keys"] = (*pack.get("meta_keys", ()), "grabcut")
    made["custom_hooks"] = [*made.get("custom_hooks", ()), {"type": "GrabCutReportHook"}]
    return made


METHOD = Method(
    name="grabcut-mask-rcnn",
    title="GrabCut + Mask R-CNN",
    task="instance",
    rest=Labels.BOX,
    source="Hu, Dollár, He, Darrell, Girshick: Learning to Segment Every Thing. CVPR 2018",
    configure=configure,
    registers=("cqb_bench.methods.grabcut_mask_rcnn.transform", "cqb_bench.methods.grabcut_faster_rcnn.report"),
)
