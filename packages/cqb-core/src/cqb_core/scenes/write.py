"""Drawn scenes on disk, in COCO's panoptic format: what trains without a download."""

import json
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path

import numpy as np

from cqb_core.data.images import write_id_map, write_image
from cqb_core.data.panoptic_files import PanopticEntry
from cqb_core.data.panoptic_writing import annotation_json, image_json, panoptic_entry, write_panoptic_json
from cqb_core.errors import InputError
from cqb_core.files import write_text
from cqb_core.scenes.classes import TAXONOMY
from cqb_core.scenes.draw import draw_scene
from cqb_core.scenes.style import SceneStyle

RECIPE = "scenes.json"
"""The file that says how a folder was drawn; a folder with other content and without it is never written to."""

SPLITS = {"train": 0, "val": 1}
"""Splits and the millions that their image ids start from."""


def write_scenes(
    out: str | PathLike[str],
    train: int = 200,
    val: int = 40,
    style: SceneStyle | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw a data set: `annotations/panoptic_{train,val}.json` with their maps, and `train/`, `val/` with JPEGs.

    Image i of a split depends on the seed, the style, the split and i alone, not on how many are drawn. The two json
    files come last, so a run that was cut off leaves none.

    Args:
        out: a folder that is missing, empty, or holds scenes, which are replaced.
        train: images to train on.
        val: images to evaluate on.
        style: the knobs; None takes the defaults.
        seed: 0 or above.
        progress: called with images done and images in all.

    Raises:
        InputError: when `out` holds something else, or a number is negative.
    """
    counts = {"train": train, "val": val}
    for name, value in {**counts, "seed": seed}.items():
        if value < 0:
            raise InputError("scenes", name, "0 or above", value)
    style, root = style or SceneStyle(), Path(out)
    _clear(root)
    write_text(root / RECIPE, json.dumps({"seed": seed, **counts, "style": style.to_json()}, indent=1))
    entries: dict[str, list[PanopticEntry]] = {}
    for name, count in counts.items():
        start = sum(map(len, entries.values()))
        entries[name] = []
        for index in range(count):
            entries[name].append(_write_scene(root, name, index, style, seed))
            if progress is not None:
                progress(start + index + 1, train + val)
    for name in counts:
        _write_annotations(root, name, entries)


def _clear(root: Path) -> None:
    """Take away the json files of earlier scenes."""
    if root.exists() and not root.is_dir():
        raise InputError(root, "folder", "a folder to draw scenes into", "a file")
    if root.is_dir() and any(root.iterdir()) and not (root / RECIPE).is_file():
        raise InputError(root, "folder", f"an empty folder, or one of scenes (with a {RECIPE})", "other content")
    for name in SPLITS:
        (root / "annotations" / f"panoptic_{name}.json").unlink(missing_ok=True)


def _write_scene(root: Path, split: str, index: int, style: SceneStyle, seed: int) -> PanopticEntry:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SPLITS[split], index)))
    image, panoptic = draw_scene(style, rng)
    image_id = SPLITS[split] * 1_000_000 + index + 1
    entry = panoptic_entry(panoptic, image_id, f"{image_id:012}.jpg", f"{image_id:012}.png")
    write_image(root / split / entry.file_name, image)
    write_id_map(root / "annotations" / f"panoptic_{split}" / entry.map_file, panoptic.ids)
    return entry


def _write_annotations(root: Path, split: str, entries: Mapping[str, list[PanopticEntry]]) -> None:
    path = root / "annotations" / f"panoptic_{split}.json"
    write_panoptic_json(path, map(image_json, entries[split]), map(annotation_json, entries[split]), TAXONOMY)
