"""Image files in, overlays and COCO panoptic files out."""

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import pseudo_collate

from cqb_core.data.images import read_image, write_id_map, write_image
from cqb_core.data.panoptic_writing import annotation_json, image_json, panoptic_entry, write_panoptic_json
from cqb_core.errors import InputError
from cqb_core.evaluation.outputs import panoptic_map
from cqb_core.network import Network, load_network
from cqb_core.prediction.overlay import draw_overlay
from cqb_core.quiet import hushed
from cqb_core.segments import PanopticMap

OUTPUTS = ("overlay", "panoptic", "panoptic.json")
"""What `predict` writes into its folder."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def predict(
    checkpoint: str | PathLike[str],
    images: Iterable[str | PathLike[str]],
    out: str | PathLike[str],
    *,
    device: str | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Path:
    """Predict the panoptic map of every image.

    Args:
        checkpoint: a training folder (its best checkpoint) or a checkpoint.
        images: files, or folders whose image files are taken.
        out: folder for `overlay/NAME.png`, `panoptic/NAME.png` and `panoptic.json`, COCO's panoptic format; missing,
            empty, or of earlier predictions. The json comes last, so a run that was cut off leaves none.
        device: where to run; None takes a GPU if there is one.
        report: called with images done and in all.

    Returns:
        the json file.

    Raises:
        InputError: when the checkpoint or an image is broken, no image is found, two images have one name, or `out`
            holds something else.
    """
    files, out = find_images(images), Path(out)
    _require_own(out)
    network = load_network(checkpoint, device)
    (out / "panoptic.json").unlink(missing_ok=True)
    entries = []
    for number, file in enumerate(files, 1):
        photo, found = read_image(file), predict_image(network, file)
        write_image(out / "overlay" / f"{file.stem}.png", draw_overlay(photo, found, network.taxonomy))
        write_id_map(out / "panoptic" / f"{file.stem}.png", found.ids)
        entries.append(panoptic_entry(found, number, file.name, f"{file.stem}.png"))
        if report is not None:
            report(number, len(files))
    write_panoptic_json(
        out / "panoptic.json", map(image_json, entries), map(annotation_json, entries), network.taxonomy
    )
    return out / "panoptic.json"


def _require_own(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(out, "out", "a folder", "a file")
    other = [file.name for file in sorted(out.glob("*")) if file.name not in OUTPUTS]
    if other:
        raise InputError(out, "out", "an empty folder, or one of predictions", ", ".join(other[:5]))


def predict_image(network: Network, file: str | PathLike[str]) -> PanopticMap:
    """The panoptic map of one image, at the size of the image.

    Raises:
        InputError: when the image cannot be read.
    """
    sample: dict[str, Any] = network.prepare({"img_path": str(file), "img_id": 0, "label_set": 0})
    with torch.inference_mode(), hushed():
        found = network.model.test_step(pseudo_collate([sample]))[0]
    return panoptic_map(found.pred_panoptic_seg.sem_seg[0].cpu().numpy(), network.taxonomy)


def find_images(paths: Iterable[str | PathLike[str]]) -> list[Path]:
    """The image files among `paths` and in the folders among them, in order.

    Raises:
        InputError: when a path does not exist, a folder holds no image, or two files have one name.
    """
    files = [file for path in paths for file in _images_of(Path(path))]
    seen: dict[str, Path] = {}
    for file in files:
        if file.stem in seen:
            raise InputError(file, "name", "names that differ, since outputs carry them", f"that of {seen[file.stem]}")
        seen[file.stem] = file
    return files


def _images_of(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(path, "image", "a file or a folder", "nothing there")
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(path, "folder", f"images ({', '.join(SUFFIXES)})", "none")
    return found
