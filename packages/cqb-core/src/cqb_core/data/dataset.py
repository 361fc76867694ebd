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

from cqb_core.data.assigned import owned_labels
from cqb_core.data.columns import Columns, CompactEntries
from cqb_core.data.draws import Draw, drawing_from
from cqb_core.data.owned import OwnedEntries
from cqb_core.data.panoptic_files import PanopticSplit, parse_split
from cqb_core.errors import InputError
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
        """Read the json and keep of each image what it owns; images that own nothing are no entries.

        An entry is a place in arrays here; `get_data_info` makes it.
        """
        index = parse_split(self.split, self._report)
        self.taxonomy, self.num_images = index.taxonomy, len(index.entries)
        self._metainfo.update(self.taxonomy.metainfo())
        compact = (
            index.entries if isinstance(index.entries, CompactEntries) else CompactEntries(Columns.of(index.entries))
        )
        image_ids = compact.image_ids()
        owned = owned_labels(self.assignment, index)
        # A test image owns nothing, so that no auxiliary looks for labels that were never loaded.
        sets = np.array([0 if self.test_mode else owned[image].value for image in image_ids], dtype=np.int64)
        kept = [
            {"place": place}
            for place, image in enumerate(image_ids)
            if (sets[place] or self.test_mode) and image not in self.skip
        ]
        if not kept:
            wanted = "at least one image" if self.test_mode else "at least one image that owns a label"
            raise InputError(self.ann_file, "images", wanted, "none")
        self._entries = OwnedEntries(compact, sets, self.taxonomy)
        self.label_sets = sets[[entry["place"] for entry in kept]]
        return kept

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """What an entry owns, where its files are, and its number."""
        entry: dict[str, Any] = super().get_data_info(idx)
        image, segmentation = (Path(self.data_prefix[key]) for key in ("img", "seg"))
        return self._entries.info(entry["place"], image, segmentation) | {"sample_idx": entry["sample_idx"]}

    def __getitem__(self, idx: int) -> dict[str, Any]:
        """The sample of an entry; a `Draw` is augmented by its own random numbers."""
        sample: dict[str, Any]
        if not isinstance(idx, Draw):
            sample = super().__getitem__(idx)
            return sample
        with drawing_from(idx.entropy):
            sample = super().__getitem__(int(idx))
            return sample

    def prepare_data(self, idx: int) -> Any:
        """The sample of an entry, whose files may not leave the folders of the data set by links."""
        roots = {f"{name}_root": str(folder) for name, folder in self.data_prefix.items()}
        return self.pipeline(self.get_data_info(idx) | roots)

    def get_cat_ids(self, idx: int) -> list[int]:
        """Thing classes of the entry's boxes; none where it owns no boxes."""
        return [box["bbox_label"] for box in self.get_data_info(idx).get("instances", [])]

    def _report(self, image_id: int | None, fault: InputError) -> None:
        """Pass over the faults of the images that are to be left out."""
        if image_id not in self.skip:
            raise fault
