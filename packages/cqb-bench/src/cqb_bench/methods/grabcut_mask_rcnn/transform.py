"""Masks for images that own boxes and no masks: GrabCut's, taken for true from here on."""

from collections import Counter
from typing import Any

import numpy as np
from mmdet.registry import TRANSFORMS
from mmdet.structures.mask import BitmapMasks

from cqb_bench.methods.grabcut_faster_rcnn.cut import Cut, GrabCut, pixels_of
from cqb_core import Labels
from cqb_core.data.transforms import LoadOwnedLabels


@TRANSFORMS.register_module()
class LoadAndCutLabels(LoadOwnedLabels):
    """`LoadOwnedLabels`, and for an image that owns BOX without MASK masks cut out of its photograph.

    Such an image says that it owns MASK, so that the mask heads learn from it. Goes before anything that changes image
    or boxes. The masks of an image are cut once and kept, as long as they have room; when there is none left, later
    images are cut each time. Each worker process of a loader keeps its own.

    Required keys: also img. Added keys for such an image: gt_masks, and grabcut, how many of its boxes had which
    outcome (see `Cut`). Changed key: label_set.

    Args:
        room: for kept masks, in megabytes.
        options: those of `GrabCut`.

    Raises:
        ValueError: when `room` is negative or an option is out of range.
    """

    def __init__(self, room: float = 256.0, **options: Any) -> None:
        super().__init__()
        if room < 0:
            raise ValueError(f"room: wanted megabytes, 0 or more, got {room}")
        self.grabcut = GrabCut(**options)
        self.room = int(room * 1e6)
        self.kept: dict[str, tuple[Cut, ...]] = {}

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add what is owned, and masks where boxes tell where."""
        results = super().transform(results)
        owned = Labels(results["label_set"])
        if Labels.BOX in owned and Labels.MASK not in owned:
            cuts = self._cuts(results)
            height, width = results["img"].shape[:2]
            none = np.zeros((0, height, width), dtype=np.uint8)
            masks = np.concatenate([none, *(cut.paint(height, width)[None].astype(np.uint8) for cut in cuts)])
            results["gt_masks"] = BitmapMasks(masks, height, width)
            results["label_set"] = (owned | Labels.MASK).value
            results["grabcut"] = dict(Counter(cut.outcome for cut in cuts))
        return results

    def _cuts(self, results: dict[str, Any]) -> tuple[Cut, ...]:
        """One a box, of this image or kept from before."""
        key = results["img_path"]
        if key in self.kept:
            return self.kept[key]
        boxes, crowds = results["gt_bboxes"].tensor.tolist(), results["gt_ignore_flags"]
        size = results["img"].shape[:2]
        cuts = tuple(
            Cut.filled(*pixels_of(box, *size), "crowd") if crowd else self.grabcut(results["img"], box)
            for box, crowd in zip(boxes, crowds, strict=True)
        )
        needed = sum(cut.bits.nbytes for cut in cuts)
        if needed <= self.room:
            self.kept[key] = cuts
            self.room -= needed
        return cuts
