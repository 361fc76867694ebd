"""What each image adds to PQ: four numbers a class, from which any subset or resample of the images is scored."""

import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from cqb_core.errors import InputError
from cqb_core.evaluation.overlap import ImageId
from cqb_core.files import replacing
from cqb_core.taxonomy import Taxonomy

Group = Literal["all", "things", "stuff"]
IOU_SUM, TP, FP, FN = range(4)


@dataclass(frozen=True)
class Contributions:
    """Per image and class: summed IoU of the matches, true positives, false positives, false negatives.

    Args:
        image_ids: n distinct ids, all int or all str.
        category_ids: the published ids of the k classes, in taxonomy order.
        values: `n k 4` in the order of `IOU_SUM, TP, FP, FN`.

    Raises:
        InputError: when the lengths disagree, ids are neither all int nor all str, or an image occurs twice.
    """

    image_ids: tuple[ImageId, ...]
    category_ids: tuple[int, ...]
    values: Float[np.ndarray, "n k 4"]

    def __post_init__(self) -> None:
        shape = (len(self.image_ids), len(self.category_ids), 4)
        if self.values.shape != shape:
            raise InputError("contributions", "values", f"the shape {shape}", self.values.shape)
        kinds = {type(image) for image in self.image_ids}
        if not (kinds <= {int} or kinds <= {str}):
            raise InputError("contributions", "image_ids", "all int or all str", sorted(k.__name__ for k in kinds))
        twice = [image for image, count in Counter(self.image_ids).items() if count > 1]
        if twice:
            raise InputError("contributions", "image_ids", "ids that occur once", f"{twice[0]!r} again")

    @classmethod
    def joined(cls, parts: Sequence["Contributions"]) -> "Contributions":
        """The images of all parts, for example of the processes of a distributed run.

        Raises:
            InputError: when there is no part, the classes differ or two parts hold the same image.
        """
        if not parts:
            raise InputError("contributions", "parts", "at least one", 0)
        for place, part in enumerate(parts):
            if part.category_ids != parts[0].category_ids:
                raise InputError(
                    "contributions", f"parts[{place}].category_ids", f"{parts[0].category_ids}", part.category_ids
                )
        images = tuple(image for part in parts for image in part.image_ids)
        return cls(images, parts[0].category_ids, np.concatenate([part.values for part in parts]))

    def write(self, path: str | PathLike[str]) -> None:
        """Write an `.npz` file, whole or not at all."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file, image_ids=np.array(self.image_ids), category_ids=np.array(self.category_ids), values=self.values
            )

    @classmethod
    def read(cls, path: str | PathLike[str]) -> "Contributions":
        """Read what `write` wrote.

        Raises:
            InputError: when the file is missing or no such file.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as file:
                return cls(tuple(file["image_ids"].tolist()), tuple(file["category_ids"].tolist()), file["values"])
        except FileNotFoundError:
            raise InputError(path, "file", "a file of contributions", "no such file") from None
        except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as error:
            raise InputError(path, "file", "image_ids, category_ids and values in an .npz", error) from None


def class_quality(totals: Float[np.ndarray, "*b k 4"]) -> Float[np.ndarray, "*b k 3"]:
    """PQ, SQ and RQ of each class from summed contributions; 0 where a class has no segment (as panopticapi).

    PQ = IoU sum / (TP + FP/2 + FN/2) = SQ * RQ (Kirillov et al. 2019, Eq. 1).
    """
    iou_sum, tp = totals[..., IOU_SUM], totals[..., TP]
    weight = tp + 0.5 * totals[..., FP] + 0.5 * totals[..., FN]
    parts = _ratio(iou_sum, weight), _ratio(iou_sum, tp), _ratio(tp, weight)
    quality: Float[np.ndarray, "*b k 3"] = np.stack(parts, axis=-1)
    return quality


def group_quality(totals: Float[np.ndarray, "*b k 4"]) -> Float[np.ndarray, "*b 3"]:
    """PQ, SQ and RQ averaged over the classes that have a segment in truth or prediction; NaN when none has."""
    counts = class_present(totals).sum(axis=-1).astype(np.float64)[..., None]
    sums = class_quality(totals).sum(axis=-2)
    means: Float[np.ndarray, "*b 3"] = np.full_like(sums, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def class_present(totals: Float[np.ndarray, "*b k 4"]) -> Bool[np.ndarray, "*b k"]:
    """Which classes count in the average of their group: those with TP + FP + FN > 0."""
    present: Bool[np.ndarray, "*b k"] = totals[..., TP:].sum(axis=-1) > 0
    return present


def group_slice(taxonomy: Taxonomy, group: Group) -> slice:
    """The classes of a group.

    Raises:
        InputError: when there is no such group.
    """
    if group not in get_args(Group):
        raise InputError("group", "name", f"one of {', '.join(get_args(Group))}", repr(group))
    start = taxonomy.num_things if group == "stuff" else 0
    stop = taxonomy.num_things if group == "things" else len(taxonomy.categories)
    return slice(start, stop)


def _ratio(numerator: Float[np.ndarray, "*b"], denominator: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    ratio: Float[np.ndarray, "*b"] = np.zeros_like(numerator)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
