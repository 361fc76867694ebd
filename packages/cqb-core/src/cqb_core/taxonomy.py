"""The classes of a data set: things first, stuff after, each with its own contiguous index."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from reprlib import repr as brief
from typing import Any

from cqb_core.errors import InputError

IGNORE = 255
"""The value of a semantic map where nothing is known; so a taxonomy holds at most 255 classes."""


@dataclass(frozen=True)
class Category:
    """One class of COCO's `categories`: its published id, name, kind and RGB colour."""

    id: int
    name: str
    isthing: bool
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Taxonomy:
    """Things at 0..t-1 and stuff at t..t+s-1, each in the order of the file (mmdet's convention).

    Args:
        things: thing categories.
        stuff: stuff categories.
    """

    things: tuple[Category, ...]
    stuff: tuple[Category, ...]

    @classmethod
    def from_json(cls, categories: Any, path: str | PathLike[str]) -> "Taxonomy":
        """Read the `categories` list of a COCO panoptic file.

        Raises:
            InputError: when the list is empty or too long, a field is missing or wrong, or an id occurs twice.
        """
        if not isinstance(categories, Sequence) or isinstance(categories, str) or not categories:
            raise InputError(path, "categories", "a list of at least one category", brief(categories))
        if len(categories) > IGNORE:
            raise InputError(path, "categories", f"at most {IGNORE} categories", len(categories))
        parsed = [_category(raw, index, path) for index, raw in enumerate(categories)]
        _require_unique(parsed, path)
        return cls(tuple(c for c in parsed if c.isthing), tuple(c for c in parsed if not c.isthing))

    @property
    def categories(self) -> tuple[Category, ...]:
        """Every category in index order."""
        return self.things + self.stuff

    @property
    def num_things(self) -> int:
        """Number of thing classes t."""
        return len(self.things)

    @property
    def num_stuff(self) -> int:
        """Number of stuff classes s."""
        return len(self.stuff)

    @cached_property
    def index(self) -> Mapping[int, int]:
        """From a published category id to the contiguous index in 0..t+s-1."""
        return {category.id: i for i, category in enumerate(self.categories)}

    def to_json(self) -> list[dict[str, Any]]:
        """The `categories` list of a COCO panoptic file."""
        return [
            {"id": c.id, "name": c.name, "isthing": int(c.isthing), "color": list(c.color)} for c in self.categories
        ]

    def metainfo(self) -> dict[str, Any]:
        """The `metainfo` that mmdet's visualisers and metrics read."""
        return {
            "classes": tuple(c.name for c in self.categories),
            "thing_classes": tuple(c.name for c in self.things),
            "stuff_classes": tuple(c.name for c in self.stuff),
            "palette": [c.color for c in self.categories],
        }


def _category(raw: Any, index: int, path: str | PathLike[str]) -> Category:
    field = f"categories[{index}]"
    if not isinstance(raw, Mapping):
        raise InputError(path, field, "an object with id, name and isthing", brief(raw))
    if type(raw.get("id")) is not int:
        raise InputError(path, f"{field}.id", "an integer", brief(raw.get("id")))
    if not _is_name(raw.get("name")):
        raise InputError(path, f"{field}.name", "text without control characters", brief(raw.get("name")))
    if raw.get("isthing") not in (0, 1):
        raise InputError(path, f"{field}.isthing", "0 or 1", brief(raw.get("isthing")))
    color = raw.get("color")
    valid = isinstance(color, Sequence) and len(color) == 3 and all(isinstance(v, int) and 0 <= v < 256 for v in color)
    r, g, b = color if valid and color is not None else distinct_color(index)
    return Category(raw["id"], raw["name"], bool(raw["isthing"]), (r, g, b))


def _is_name(name: Any) -> bool:
    """Whether a name can be shown and written: no control character, no half of one (a surrogate), not blank."""
    return (
        isinstance(name, str) and bool(name.strip()) and not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
    )


def _require_unique(categories: Iterable[Category], path: str | PathLike[str]) -> None:
    seen: dict[int, Category] = {}
    for category in categories:
        if category.id in seen:
            raise InputError(
                path,
                "categories",
                "ids that occur once",
                f"{category.id} for {seen[category.id].name!r} and {category.name!r}",
            )
        seen[category.id] = category


def distinct_color(index: int) -> tuple[int, int, int]:
    """A colour for the class at `index` when its file names none: the bit-reversal map of PASCAL VOC, offset by one
    so that no class is black.
    """
    value, rgb = index + 1, [0, 0, 0]
    for shift in range(7, -1, -1):
        for channel in range(3):
            rgb[channel] |= ((value >> channel) & 1) << shift
        value >>= 3
    return rgb[0], rgb[1], rgb[2]
