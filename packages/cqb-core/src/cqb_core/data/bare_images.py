"""Photographs that nobody has labelled yet: an annotation file that knows images and classes, and no segment.

That is all that is needed to say which image is to get which labels. Annotators then fill in the segments; as long as
images and classes stay, assignments made before hold.
"""

import csv
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from cqb_core.data.images import read_image
from cqb_core.data.panoptic_files import PanopticEntry, PanopticIndex, find_split, read_split
from cqb_core.data.panoptic_writing import annotation_json, image_json, write_panoptic_json
from cqb_core.errors import InputError
from cqb_core.taxonomy import Taxonomy

KINDS = {"thing": True, "stuff": False}


def index_images(
    root: str | PathLike[str],
    split: str,
    classes: str | PathLike[str],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> PanopticIndex:
    """Write `annotations/panoptic_{split}.json` for the images under `root/split`, and an empty folder of maps.

    Every image is read once. Files whose name begins with a dot are left out.

    Args:
        root: of a data set in COCO panoptic layout, to be.
        split: name of the folder of images, `train` or `val` or with more at the end.
        classes: CSV with the columns `name` and `kind`, which is `thing` or `stuff`.
        report: takes how many images are done and how many there are.

    Raises:
        InputError: when there is an annotation file already, no image, a file that is none, or a faulty class.
    """
    folder, target = Path(root) / split, Path(root) / "annotations" / f"panoptic_{split}.json"
    if target.exists():
        raise InputError(target, "file", "none yet: labels may lie in it", "a file")
    taxonomy = read_classes(classes)
    if not folder.is_dir():
        raise InputError(folder, "folder", "the images of the split", "none")
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not found:
        raise InputError(folder, "images", "at least one", "none")
    entries = []
    for number, path in enumerate(found, 1):
        height, width = read_image(path).shape[:2]
        name = path.relative_to(folder)
        entries.append(PanopticEntry(number, name.as_posix(), width, height, name.with_suffix(".png").as_posix(), ()))
        report(number, len(found))
    (target.parent / target.stem).mkdir(parents=True, exist_ok=True)
    write_panoptic_json(target, map(image_json, entries), map(annotation_json, entries), taxonomy)
    return read_split(find_split(root, split))


def read_classes(path: str | PathLike[str]) -> Taxonomy:
    """The classes that a CSV names, numbered from 1 in its order.

    Raises:
        InputError: naming row and column of a fault.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, "file", "a CSV of classes", error) from None
    if missing := [column for column in ("name", "kind") if column not in columns]:
        raise InputError(path, "columns", "name and kind", f"no {' and no '.join(missing)}")
    categories, names = [], set[str]()
    for number, row in enumerate(rows, 2):
        name, kind = ((row[column] or "").strip() for column in ("name", "kind"))
        if kind not in KINDS:
            raise InputError(path, f"row {number}, column kind", "thing or stuff", repr(kind))
        if not name or name in names:
            raise InputError(path, f"row {number}, column name", "a name that occurs once", repr(name))
        names.add(name)
        categories.append({"id": number - 1, "name": name, "isthing": int(KINDS[kind])})
    return Taxonomy.from_json(categories, path)
