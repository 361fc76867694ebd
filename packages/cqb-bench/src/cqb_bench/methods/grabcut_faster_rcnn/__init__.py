"""GrabCut in the boxes that the network detects: masks without learning any."""

from copy import deepcopy
from typing import Any

from cqb_bench.method import Method
from cqb_core import InputError, Labels


def configure(config: dict[str, Any]) -> dict[str, Any]:
    """Another cascade, and a hook that reports what could not be cut. Options of GrabCut stand under `grabcut`.

    Raises:
        InputError: when the config has another cascade than cqb-core's.
    """
    made = deepcopy(config)
    cascade = made["model"]["roi_head"]
    if cascade["type"] != "RoutedCascadeRoIHead":
        raise InputError("grabcut-faster-rcnn", "model.roi_head.type", "RoutedCascadeRoIHead", cascade["type"])
    cascade.update(type="GrabCutCascadeRoIHead", grabcut=made.get("grabcut", {}))
    made["custom_hooks"] = [*made.get("custom_hooks", ()), {"type": "GrabCutReportHook"}]
    return made


METHOD = Method(
    name="grabcut-faster-rcnn",
    title="GrabCut + Faster R-CNN",
    task="instance",
    rest=Labels.BOX,
    source=(
        'Rother, Kolmogorov, Blake: "GrabCut": interactive foreground extraction using iterated graph cuts. '
        "ACM Transactions on Graphics 23(3), 2004"
    ),
    configure=configure,
    registers=("cqb_bench.methods.grabcut_faster_rcnn.head", "cqb_bench.methods.grabcut_faster_rcnn.report"),
)
