"""What can be wrong with one item of a COCO panoptic json; the reader stops at the first fault, the audit lists all."""

import re
from collections.abc import Iterator, Mapping
from reprlib import Repr
from typing import Any, NamedTuple

from cqb_core.data.images import MAX_ID

INSIDE = re.compile(r"(?![/\\]|[A-Za-z]:)(?!(?:.*[/\\])?\.\.(?:[/\\]|\Z))[^\0-\x1f\x7f-\x9f\ud800-\udfff]+", re.DOTALL)
"""A relative file name that does not climb out of its folder, on any system, without control characters or halves of
a character (surrogates).
"""

NUMBERS = frozenset({int, float})
"""Types of a JSON number; bool is an int in Python and none in JSON."""

UNBOUNDED = 2**31 - 1
"""Width and height of an image that the file does not describe; no image format holds larger ones."""

BOX_SLACK = 1
"""Pixels by which a box may leave its image: tools disagree on whether the far edge belongs to it."""

LEAST_SIDE = 0.01
"""Pixels that a box must have inside its image each way; less is nothing once clipped, scaled and in float32."""

SHORT = Repr()
"""`repr` that stops early in values nested deep or long."""
SHORT.maxlevel, SHORT.maxlist, SHORT.maxdict, SHORT.maxstring, SHORT.maxlong = 6, 8, 8, 80, 80

ItemFault = tuple[str, str, str]
"""The field below the item, what was wanted and what came."""


class ImageInfo(NamedTuple):
    """An item of COCO's `images`."""

    id: int
    file_name: str
    width: int
    height: int


def image_faults(item: Any, seen: Mapping[int, Any]) -> Iterator[ItemFault]:
    """Faults of an item of `images`, where the ids of `seen` are taken."""
    if not isinstance(item, dict):
        yield "", "an object", brief(item)
        return
    if type(item.get("id")) is not int:
        yield ".id", "an integer", value_in(item, "id")
    elif item["id"] in seen:
        yield ".id", "an id that no other image has", value_in(item, "id")
    if not _is_inside(item.get("file_name")):
        yield ".file_name", "a relative path inside the folder of images", value_in(item, "file_name")
    for key in ("width", "height"):
        if type(item.get(key)) is not int or not 0 < item[key] <= UNBOUNDED:
            yield f".{key}", f"an integer above 0, at most {UNBOUNDED}", value_in(item, key)


def annotation_faults(
    item: Any, image: ImageInfo | None, seen: Mapping[int, Any], categories: Mapping[int, int]
) -> Iterator[ItemFault]:
    """Faults of an item of `annotations`.

    Args:
        item: what the file holds.
        image: the image that it is for; None when the file has no such image.
        seen: ids of images that have an annotation.
        categories: published ids of categories.
    """
    if not isinstance(item, dict):
        yield "", "an object", brief(item)
        return
    if image is None:
        yield ".image_id", "the id of an image in `images`", value_in(item, "image_id")
    elif image.id in seen:
        yield ".image_id", "an image that no other annotation is for", value_in(item, "image_id")
    if not _is_inside(item.get("file_name")):
        yield ".file_name", "a relative path inside the folder of maps", value_in(item, "file_name")
    if not isinstance(item.get("segments_info"), list):
        yield ".segments_info", "a list", value_in(item, "segments_info")
        return
    ids: set[int] = set()
    for index, segment in enumerate(item["segments_info"]):
        for field, wanted, got in _segment_faults(segment, image, ids, categories):
            yield f".segments_info[{index}]{field}", wanted, got


def _segment_faults(
    item: Any, image: ImageInfo | None, seen: set[int], categories: Mapping[int, int]
) -> Iterator[ItemFault]:
    """Comparisons are put so that NaN, infinity and integers too large for a float fail them."""
    if not isinstance(item, dict):
        yield "", "an object", brief(item)
        return
    segment_id: Any = item.get("id")
    category_id: Any = item.get("category_id")
    area: Any = item.get("area")
    if type(segment_id) is not int or not 0 < segment_id <= MAX_ID:
        yield ".id", f"an integer in 1..{MAX_ID}", value_in(item, "id")
    elif segment_id in seen:
        yield ".id", "an id that no other segment of the image has", value_in(item, "id")
    else:
        seen.add(segment_id)
    if type(category_id) is not int or category_id not in categories:
        yield ".category_id", "the id of a category in `categories`", value_in(item, "category_id")
    if item.get("iscrowd") not in (0, 1):
        yield ".iscrowd", "0 or 1", value_in(item, "iscrowd")
    width, height = (image.width, image.height) if image is not None else (UNBOUNDED, UNBOUNDED)
    if type(area) not in NUMBERS or not 0 < area <= width * height:
        yield ".area", f"a number of pixels above 0 in an image of {width}x{height}", value_in(item, "area")
    if not _is_box(item.get("bbox"), width, height):
        wanted = f"[x, y, width, height] of a box with an area above 0 inside an image of {width}x{height}"
        yield ".bbox", wanted, value_in(item, "bbox")


def _is_box(box: Any, width: int, height: int) -> bool:
    if not (isinstance(box, list) and len(box) == 4 and NUMBERS.issuperset(map(type, box))):
        return False
    x, y, w, h = box
    right, bottom = width + BOX_SLACK, height + BOX_SLACK
    inside = -BOX_SLACK <= x < width and -BOX_SLACK <= y < height and 0 < w <= right + 1 and 0 < h <= bottom + 1
    if not (inside and x + w <= right and y + h <= bottom):
        return False
    sides = min(x + w, width) - max(x, 0), min(y + h, height) - max(y, 0)
    return bool(min(sides) >= LEAST_SIDE)


def _is_inside(name: Any) -> bool:
    return isinstance(name, str) and INSIDE.fullmatch(name) is not None


def id_in(item: Any, key: str) -> int | None:
    """The integer at `key`, None when there is none."""
    value = item.get(key) if isinstance(item, dict) else None
    return value if type(value) is int else None


def value_in(item: dict[str, Any], key: str) -> str:
    """What the key holds, for a message."""
    return brief(item[key]) if key in item else "nothing"


def brief(value: Any) -> str:
    """A value in at most 80 characters."""
    text = SHORT.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
