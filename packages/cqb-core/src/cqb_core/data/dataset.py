"""Images with mixed labels: COCO panoptic files seen through an assignment.

An entry of this data set holds what its image owns and nothing else. What an image does not own is dropped when the
index is built, before any transform or network sees it, so no code path can leak it.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.datasets import BaseDetDataset
from mmdet.registry import DATASETS

from cqb_core.assignment import Assignment
from cqb_core.data.panoptic_files import PanopticEntry, PanopticSplit, fingerprint, parse_split
from cqb_core.errors import InputError
from cqb_core.labels import Labels
from cqb_core.taxonomy import Taxonomy


@DATASETS.register_module()
class MixedLabelDataset(BaseDetDataset):
    """COCO panoptic json and png with an assignment of labels to images.

    Args:
        ann_file: the panoptic json, relative to `data_root`.
        data_prefix: `img`, the folder of the images, and `seg`, the folder of the id maps, relative to `data_root`.
        assignment: file that says which image owns which labels (`cqb_core.assignment`); None gives every image all.
        skip: ids of images to leave out, for example those that an audit found broken.
        kwargs: of mmdet's `BaseDetDataset` (`data_root`, `pipeline`, `test_mode`, `indices`, ...).

    Attributes:
        taxonomy: things and stuff of the json.
        num_images: images in the json, those that own no label included; an epoch is this long at any allocation.
        label_sets: `n` label set (`Labels.value`) of each entry.

    Raises:
        InputError: when a file is broken, nothing is left to load, or the assignment belongs to another data set or
            forgets an image.
    """

    taxonomy: Taxonomy
    num_images: int
    label_sets: np.ndarray

    def __init__(
        self,
        *args: Any,
        assignment: str | PathLike[str] | None = None,
        skip: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        self.assignment, self.skip = assignment, frozenset(skip)
        super().__init__(*args, **kwargs)

    @property
    def split(self) -> PanopticSplit:
        """The files of this data set."""
        return PanopticSplit(
            Path(self.ann_file).stem, Path(self.data_prefix["img"]), Path(self.data_prefix["seg"]), Path(self.ann_file)
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the json and keep of each image what it owns; images that own nothing are no entries."""
        index = parse_split(self.split, self._report)
        self.taxonomy, self.num_images = index.taxonomy, len(index.entries)
        self._metainfo.update(self.taxonomy.metainfo())
        owned = self._owned([entry.image_id for entry in index.entries], fingerprint(index))
        kept = [
            self._entry(entry, owned[entry.image_id])
            for entry in index.entries
            if (owned[entry.image_id] or self.test_mode) and entry.image_id not in self.skip
        ]
        if not kept:
            wanted = "at least one image" if self.test_mode else "at least one image that owns a label"
            raise InputError(self.ann_file, "images", wanted, "none")
        self.label_sets = np.array([info["label_set"] for info in kept], dtype=np.int64)
        return kept

    def get_cat_ids(self, idx: int) -> list[int]:
        """Thing classes of the entry's boxes; none where it owns no boxes."""
        return [box["bbox_label"] for box in self.get_data_info(idx).get("instances", [])]

    def _report(self, image_id: int | None, fault: InputError) -> None:
        """Pass over the faults of the images that are to be left out."""
        if image_id not in self.skip:
            raise fault

    def _owned(self, image_ids: Sequence[int], data_set: str) -> dict[int, Labels]:
        if self.assignment is None:
            return dict.fromkeys(image_ids, Labels.PANOPTIC)
        owned = Assignment.read(self.assignment, data_set).labels()
        forgotten = [image for image in image_ids if image not in owned]
        if forgotten:
            raise InputError(self.assignment, "images", "every image of the data set", f"none for {forgotten[:5]}")
        return owned

    def _entry(self, entry: PanopticEntry, owned: Labels) -> dict[str, Any]:
        info: dict[str, Any] = {
            "img_path": str(Path(self.data_prefix["img"]) / entry.file_name),
            "img_id": entry.image_id,
            "height": entry.height,
            "width": entry.width,
            # A test image owns nothing, so that no auxiliary looks for labels that were never loaded.
            "label_set": 0 if self.test_mode else owned.value,
        }
        if self.test_mode:
            return info
        if owned & (Labels.MASK | Labels.STUFF):
            info["seg_map_path"] = str(Path(self.data_prefix["seg"]) / entry.map_file)
        if Labels.BOX in owned.implied:
            info["instances"] = self._instances(entry, with_masks=Labels.MASK in owned)
        if Labels.STUFF in owned:
            info["stuff_segments"] = self._stuff(entry)
        return info | self._tags(entry, owned)

    def _instances(self, entry: PanopticEntry, with_masks: bool) -> list[dict[str, Any]]:
        """Boxes of the things, crowds flagged as ignored; segment ids only where masks are owned."""
        instances = []
        for segment in entry.segments:
            label = self.taxonomy.index[segment.category_id]
            if label < self.taxonomy.num_things:
                box = {"bbox": list(segment.bbox), "bbox_label": label, "ignore_flag": int(segment.iscrowd)}
                instances.append(box | ({"segment_id": segment.id} if with_masks else {}))
        return instances

    def _stuff(self, entry: PanopticEntry) -> dict[int, int]:
        """From segment id to stuff class (t..t+s-1); crowds are ignored."""
        labels = {
            segment.id: self.taxonomy.index[segment.category_id] for segment in entry.segments if not segment.iscrowd
        }
        return {segment: label for segment, label in labels.items() if label >= self.taxonomy.num_things}

    def _tags(self, entry: PanopticEntry, owned: Labels) -> dict[str, np.ndarray]:
        present = np.zeros(len(self.taxonomy.categories), dtype=bool)
        present[[self.taxonomy.index[segment.category_id] for segment in entry.segments]] = True
        tags = {}
        if owned.thing_tags:
            tags["thing_tags"] = present[: self.taxonomy.num_things]
        if owned.stuff_tags:
            tags["stuff_tags"] = present[self.taxonomy.num_things :]
        return tags
