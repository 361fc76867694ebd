"""What the images of a data set own, as arrays in which nothing else is left."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from cqb_core.data.columns import CompactEntries
from cqb_core.labels import Labels
from cqb_core.taxonomy import IGNORE, Taxonomy

THING_TAGS = Labels.IMAGE | Labels.BOX | Labels.MASK
STUFF_TAGS = Labels.IMAGE | Labels.STUFF


class OwnedEntries:
    """Images and those of their segments' numbers that they own.

    Boxes and ids that an image does not own are zeros here, and where it owns tags only each class is left once.

    Args:
        entries: every image of the data set.
        owned: `n` label set (`Labels.value`) of each image.
        taxonomy: the classes.
    """

    def __init__(self, entries: CompactEntries, owned: Int[np.ndarray, " n"], taxonomy: Taxonomy) -> None:
        columns = entries.columns
        counts = np.diff(columns.first)
        image, sets = np.repeat(np.arange(len(owned)), counts), np.repeat(owned, counts)
        label, crowd = _labels(columns.segments[:, 1], taxonomy), columns.segments[:, 2].astype(bool)
        thing = label < taxonomy.num_things
        boxed = thing & _owns(sets, Labels.BOX | Labels.MASK)
        drawn = np.where(thing, _owns(sets, Labels.MASK), _owns(sets, Labels.STUFF) & ~crowd)
        left = _first_of_each(
            image, label, boxed | drawn, np.where(thing, *(_owns(sets, w) for w in (THING_TAGS, STUFF_TAGS)))
        )
        self.taxonomy, self.owned = taxonomy, owned
        self.files, self.images = entries.files, columns.images
        self.first = np.searchsorted(image[left], np.arange(len(owned) + 1))
        self.label, self.crowd, self.boxed, self.drawn = label[left], crowd[left], boxed[left], drawn[left]
        self.ids = np.where(self.drawn, columns.segments[left, 0], 0)
        self.boxes = np.where(self.boxed[:, None], columns.boxes[left, :4], 0)

    def info(self, row: int, images: Path, maps: Path) -> dict[str, Any]:
        """The entry of an image as the transforms read it.

        Args:
            row: of the image.
            images: folder of the images.
            maps: folder of the id maps.
        """
        owned, (file_name, map_file) = Labels(int(self.owned[row])), self.files(row)
        image_id, width, height = self.images[row].tolist()
        info: dict[str, Any] = {
            "img_path": str(images / file_name),
            "img_id": image_id,
            "height": height,
            "width": width,
            "label_set": owned.value,
        }
        if owned & (Labels.MASK | Labels.STUFF):
            info["seg_map_path"] = str(maps / map_file)
        mine = range(self.first[row], self.first[row + 1])
        if Labels.BOX in owned.implied:
            info["instances"] = [self._instance(place) for place in mine if self.boxed[place]]
        if Labels.STUFF in owned:
            stuff = [place for place in mine if self.drawn[place] and self.label[place] >= self.taxonomy.num_things]
            info["stuff_segments"] = {int(self.ids[place]): int(self.label[place]) for place in stuff}
        return info | self._tags(owned, self.label[mine.start : mine.stop])

    def _instance(self, place: int) -> dict[str, Any]:
        """A thing's box, ignored when it is a crowd's; its segment id only where masks are owned."""
        flag = int(self.crowd[place])
        box = {"bbox": self.boxes[place].tolist(), "bbox_label": int(self.label[place]), "ignore_flag": flag}
        return box | ({"segment_id": int(self.ids[place])} if self.drawn[place] else {})

    def _tags(self, owned: Labels, labels: Int[np.ndarray, " m"]) -> dict[str, np.ndarray]:
        present = np.zeros(len(self.taxonomy.categories), dtype=bool)
        present[labels] = True
        tags = {}
        if owned.thing_tags:
            tags["thing_tags"] = present[: self.taxonomy.num_things]
        if owned.stuff_tags:
            tags["stuff_tags"] = present[self.taxonomy.num_things :]
        return tags


def _owns(sets: Int[np.ndarray, " m"], some: Labels) -> Bool[np.ndarray, " m"]:
    found: Bool[np.ndarray, " m"] = (sets & some.value) != 0
    return found


def _labels(categories: np.ndarray, taxonomy: Taxonomy) -> Int[np.ndarray, " m"]:
    """The contiguous class of each published category id."""
    known = sorted(taxonomy.index)
    classes = np.array([taxonomy.index[category] for category in known], np.int64)
    return classes[np.searchsorted(np.array(known), categories)]


def _first_of_each(
    image: Int[np.ndarray, " m"],
    label: Int[np.ndarray, " m"],
    kept: Bool[np.ndarray, " m"],
    tagged: Bool[np.ndarray, " m"],
) -> Int[np.ndarray, " k"]:
    """Places, ascending, that are kept, and of those that are tagged only the first of each image and class."""
    only = np.flatnonzero(tagged & ~kept)
    _, first = np.unique(image[only] * (IGNORE + 1) + label[only], return_index=True)
    return np.sort(np.concatenate([np.flatnonzero(kept), only[first]]))
