"""How many masks GrabCut made, and how many boxes stayed filled and why, in the training's log."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmdet.registry import HOOKS
from mmdet.structures import DetDataSample
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cqb_bench.methods.grabcut_faster_rcnn.cut import CUT


@HOOKS.register_module()
class GrabCutReportHook(Hook):
    """Counts the `grabcut` of the samples, once an image, and logs one line after training and after each validation.

    Attributes:
        given: outcomes by image, of the boxes that annotations give.
        detected: outcomes by image, of the boxes that the network found at the last validation.
    """

    def __init__(self) -> None:
        self.given: dict[int, Mapping[str, int]] = {}
        self.detected: dict[int, Mapping[str, int]] = {}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Note what was cut for the batch."""
        _note((data_batch or {}).get("data_samples", ()), self.given)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[DetDataSample] | None = None
    ) -> None:
        """Note what was cut out of the batch's detections."""
        _note(outputs or (), self.detected)

    def after_train(self, runner: Runner) -> None:
        """Log what was cut in given boxes."""
        _log(runner, "given", self.given)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log what was cut in detected boxes, and forget it."""
        _log(runner, "detected", self.detected)
        self.detected = {}


def _note(samples: Iterable[DetDataSample], seen: dict[int, Mapping[str, int]]) -> None:
    for sample in samples:
        if "grabcut" in sample.metainfo:
            seen[sample.img_id] = sample.metainfo["grabcut"]


def _log(runner: Runner, which: str, seen: Mapping[int, Mapping[str, int]]) -> None:
    if seen:
        runner.logger.info(f"GrabCut in {which} boxes: {summary(seen.values())}")


def summary(outcomes: Iterable[Mapping[str, int]]) -> str:
    """`12 masks cut, 3 boxes filled (2 nothing, 1 thin)`; the reasons are those of `Cut`."""
    total: Counter[str] = Counter()
    for counted in outcomes:
        total.update(counted)
    made = total.pop(CUT, 0)
    why = ", ".join(f"{count} {reason}" for reason, count in total.most_common())
    return f"{made} masks cut, {total.total()} boxes filled" + (f" ({why})" if why else "")
