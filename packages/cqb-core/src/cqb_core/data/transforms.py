"""From an entry to a sample: load the image and the labels that it owns, then pack them for the network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from mmcv.transforms import BaseTransform
from mmdet.datasets.transforms import PackDetInputs
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

from cqb_core.data.images import read_id_map, read_image
from cqb_core.errors import InputError
from cqb_core.labels import Labels
from cqb_core.taxonomy import IGNORE


@TRANSFORMS.register_module()
class LoadPhoto(BaseTransform):
    """Load an image as mmdet expects it (`h w 3` uint8, BGR), whatever its mode, depth or EXIF orientation.

    Required keys: img_path, height, width; img_root, the folder that it may not leave by links, where it is of a data
    set. Added keys: img, img_shape, ori_shape.

    Raises:
        InputError: when the file is missing, broken, or has another size than its annotation.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the image."""
        size = (results["width"], results["height"]) if "width" in results else None
        image = read_image(results["img_path"], size, results.get("img_root"))
        results["img"] = np.ascontiguousarray(image[..., ::-1])
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadOwnedLabels(BaseTransform):
    """Load the boxes, masks and stuff map that an image owns.

    Required keys: label_set and what `MixedLabelDataset` put beside it. Added keys: gt_bboxes, gt_bboxes_labels and
    gt_ignore_flags with BOX; gt_masks with MASK; gt_seg_map (`h w` uint8: things 0..t-1, stuff t..t+s-1, `IGNORE`)
    with STUFF. In the stuff map a thing pixel carries its class where masks tell, else the class of the smallest box
    around it where boxes tell, else `IGNORE`; crowds and void are `IGNORE`.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add what is owned."""
        owned = Labels(results["label_set"])
        if Labels.BOX in owned.implied:
            self._load_boxes(results)
        if "seg_map_path" in results:
            size = (results["width"], results["height"])
            ids = read_id_map(results["seg_map_path"], size, results.get("seg_root"))
            if Labels.MASK in owned:
                results["gt_masks"] = _masks(ids, results)
            if Labels.STUFF in owned:
                results["gt_seg_map"] = semantic_map(ids, results)
        return results

    def _load_boxes(self, results: dict[str, Any]) -> None:
        boxes = results["instances"]
        results["gt_bboxes"] = HorizontalBoxes([box["bbox"] for box in boxes], dtype=torch.float32)
        results["gt_bboxes_labels"] = np.array([box["bbox_label"] for box in boxes], dtype=np.int64)
        results["gt_ignore_flags"] = np.array([box["ignore_flag"] for box in boxes], dtype=bool)


@TRANSFORMS.register_module()
class PackOwnedLabels(PackDetInputs):
    """Pack image and labels into a `DetDataSample` with `label_set`, `thing_tags` (`t` bool) and `stuff_tags`
    (`s` bool).

    A field that the image does not own is absent, so that reading it fails.
    """

    def __init__(self, meta_keys: tuple[str, ...] = ()) -> None:
        default = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction")
        super().__init__((*default, "label_set", *meta_keys))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Inputs and sample of an image."""
        packed: dict[str, Any] = super().transform(results)
        for key in ("thing_tags", "stuff_tags"):
            if key in results:
                packed["data_samples"].set_field(torch.from_numpy(results[key].copy()), key)
        return packed


def semantic_map(ids: Int[np.ndarray, "h w"], results: dict[str, Any]) -> UInt8[np.ndarray, "h w"]:
    """Stuff and, where boxes or masks tell, things of an image; see `LoadOwnedLabels`."""
    boxes = [box for box in results.get("instances", []) if not box["ignore_flag"]]
    known = dict(results["stuff_segments"])
    known |= {box["segment_id"]: box["bbox_label"] for box in boxes if "segment_id" in box}
    semantic = _relabel(ids, known)
    if Labels.MASK not in Labels(results["label_set"]):
        _fill_boxes(semantic, boxes)
    return semantic


def _relabel(ids: Int[np.ndarray, "h w"], classes: dict[int, int]) -> UInt8[np.ndarray, "h w"]:
    if not classes:
        return np.full(ids.shape, IGNORE, dtype=np.uint8)
    known = np.array(sorted(classes))
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    labels = np.array([classes[segment] for segment in known], dtype=np.uint8)
    return np.where(known[place] == ids, labels[place], np.uint8(IGNORE))


def _fill_boxes(semantic: UInt8[np.ndarray, "h w"], boxes: list[dict[str, Any]]) -> None:
    """Give pixels without a stuff class the class of the smallest box around them, in place."""
    unknown = semantic == IGNORE
    for box in sorted(boxes, key=lambda box: -_area(box["bbox"])):
        x0, y0, x1, y1 = (round(edge) for edge in box["bbox"])
        semantic[y0:y1, x0:x1][unknown[y0:y1, x0:x1]] = box["bbox_label"]


def _area(box: Sequence[Any]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _masks(ids: Int[np.ndarray, "h w"], results: dict[str, Any]) -> BitmapMasks:
    segments = np.array([box["segment_id"] for box in results["instances"]], dtype=ids.dtype)
    masks = (ids[None] == segments[:, None, None]).astype(np.uint8)
    empty = [int(segment) for segment, mask in zip(segments, masks, strict=True) if not mask.any()]
    if empty:
        raise InputError(results["seg_map_path"], "pixels", f"some of segment {empty[0]}", "none")
    return BitmapMasks(masks, *ids.shape)
