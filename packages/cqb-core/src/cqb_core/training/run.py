"""Train a network on a data set and an assignment, with mmengine's Runner."""

import os
import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from cqb_core.assignment import Assignment
from cqb_core.data.audit import audit
from cqb_core.data.panoptic_files import PanopticSplit, find_split, fingerprint, parse_split, read_taxonomy
from cqb_core.errors import InputError
from cqb_core.files import unfinished
from cqb_core.plugins import register
from cqb_core.progress import reporting, stderr
from cqb_core.taxonomy import Taxonomy
from cqb_core.training.config import fit_to_data, load_config, override, require_same_classes
from cqb_core.training.plain_checkpoint import load_checkpoint
from cqb_core.training.processes import together
from cqb_core.training.resumable import make_resumable
from cqb_core.training.runner import running
from cqb_core.training.schedule import set_epochs

SHOWN_FAULTS = 20
"""Faults that stop a training and are printed; `cqb-net data check` lists them all."""


def train(
    config: str | PathLike[str] | Config,
    data: str | PathLike[str],
    out: str | PathLike[str],
    labels: str | PathLike[str] | None = None,
    *,
    resume: bool = False,
    seed: int = 0,
    epochs: int | None = None,
    amp: bool = False,
    check: bool = True,
    skip_bad: bool = False,
    options: dict[str, Any] | None = None,
    trust_config: bool = False,
    progress: bool = True,
    verbose: bool = False,
) -> Path:
    """Train, validate and keep checkpoints in a folder; under `torchrun` each process takes its part of every batch.

    Args:
        config: name of an installed config, path of one, or the config itself.
        data: root of a data set in COCO panoptic layout with a train and a val split.
        out: folder for checkpoints, logs and curves; must be new unless `resume`.
        labels: assignment file; None trains on all labels of all images.
        resume: continue from the last checkpoint in `out`, as if the run had not been stopped (`make_resumable`).
        seed: of weights, order and augmentation.
        epochs: train that long, the learning rate's schedule stretched with it; the config says by default.
        amp: train in mixed precision (needs a GPU).
        check: look at every file that will be read first and stop when one is broken; a resumed run was checked
            before.
        skip_bad: leave broken images out instead, and say how many.
        options: config entries to override, e.g. `{"train_dataloader.batch_size": 8}`.
        trust_config: read a config from a path. It is Python, and what it says runs.
        progress: show a bar on standard error.
        verbose: show mmengine's own log on the terminal.

    Returns:
        the last checkpoint.

    Raises:
        InputError: before anything is written, when config, data, assignment and folder do not fit each other.
        NonFiniteLossError: when a loss is NaN or infinite.
    """
    made, out = load_config(config, trust_config), Path(out)
    register()
    if "custom_imports" in made:
        import_modules_from_strings(**made.custom_imports)
    if epochs is not None:
        set_epochs(made, epochs)
    override(made, options or {})
    if amp:
        _require_gpu()
    last = _last_checkpoint(out, resume)
    splits = find_split(data, "train"), find_split(data, "val")
    classes = _classes(splits)
    if last is not None:
        _require_classes_of(last, classes, splits[0])
    skip = _skipped(last) if last is not None else _broken(splits, labels, skip_bad, progress) if check else [[], []]
    _require_assignment(labels, splits[0])
    fit_to_data(made, splits, classes, labels, skip)
    override(made, options or {})
    made.work_dir, made.randomness = str(out), {"seed": seed}
    if amp:
        made.optim_wrapper.update(type="AmpOptimWrapper", loss_scale="dynamic")
    make_resumable(made)
    if progress:
        made.custom_hooks = [*made.get("custom_hooks", []), {"type": "ProgressHook"}]
    if last is not None:
        made.resume, made.load_from = True, str(last)
    with together(made), running(made, f"{out.name}-{uuid.uuid4().hex[:8]}", verbose) as runner:
        runner.train()
    return last_checkpoint(out)


def last_checkpoint(folder: str | PathLike[str]) -> Path:
    """The newest checkpoint of a training folder, which may have been moved since.

    Raises:
        InputError: when the folder has none.
    """
    folder = Path(folder)
    pointer = folder / "last_checkpoint"
    name = Path(pointer.read_text(errors="replace").strip()).name if pointer.is_file() else ""
    if not name or not (folder / name).is_file():
        found = ", ".join(sorted(file.name for file in folder.glob("*"))[:8]) or "nothing"
        raise InputError(folder, "last_checkpoint", "a checkpoint of a training", found)
    return folder / name


def _last_checkpoint(out: Path, resume: bool) -> Path | None:
    """What to resume from; None to start in `out`, which is then new, or holds a training without a checkpoint."""
    if resume:
        return _newest_whole(out)
    if out.exists() and not out.is_dir():
        raise InputError(out, "out", "a folder", "a file")
    if (out / "last_checkpoint").exists() or any(out.glob("[!.]*.pth")):
        raise InputError(out, "out", "a new folder, or --resume", "a training that has begun")
    ours = unfinished(out) if out.exists() else []
    other = [
        file.name for file in sorted(set(out.glob("*")) - {*ours}) if not re.fullmatch(r"\d{8}_\d{6}|.*\.py", file.name)
    ]
    if other:
        raise InputError(out, "out", "a new or empty folder", ", ".join(other[:5]))
    return None


def _newest_whole(out: Path) -> Path:
    """The last checkpoint of a folder; when that one is torn or gone, the newest whole one, saying so."""
    try:
        newest = last_checkpoint(out)
        load_checkpoint(newest)
    except InputError as fault:
        made = {path: steps for path in out.glob("[!.]*.pth") if (steps := _steps(path)) is not None}
        if not made:
            raise
        newest = max(made, key=lambda path: made[path])
        stderr().print(f"{fault}; going on from {newest.name}")
    return newest


def _steps(checkpoint: Path) -> int | None:
    """Steps behind a checkpoint that can be resumed from; None for one that is torn or holds weights only."""
    with suppress(InputError):
        content = load_checkpoint(checkpoint)
        return int(content["meta"]["iter"]) if "optimizer" in content else None
    return None


def _require_gpu() -> None:
    if not torch.cuda.is_available():
        raise InputError("--amp", "device", "a GPU (mixed precision is of no use without one)", "none")


def _skipped(checkpoint: Path) -> list[list[int]]:
    """The images that the run which wrote a checkpoint left out, of its train and of its val split."""
    config = load_checkpoint(checkpoint).get("config", {})
    try:
        skipped = [config[name]["dataset"].get("skip", ()) for name in ("train_dataloader", "val_dataloader")]
        return [[int(image) for image in images] for images in skipped]
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(checkpoint, "config", "the images that its training left out", repr(error)[:80]) from None


def _require_classes_of(checkpoint: Path, classes: Taxonomy, split: PanopticSplit) -> None:
    """Going on with other classes would give every output another meaning."""
    known = Taxonomy.from_json(load_checkpoint(checkpoint).get("categories"), checkpoint)
    require_same_classes(classes, known, split.annotation_file, f"the training {checkpoint.name}")


def _broken(
    splits: Sequence[PanopticSplit], labels: str | PathLike[str] | None, skip_bad: bool, progress: bool
) -> list[list[int]]:
    """Ids of the broken images of each split, when they may be left out; `labels` says what those of the first own."""
    broken = []
    for split, assignment in zip(splits, (labels, None), strict=True):
        with reporting(f"check {split.name}", progress) as report:
            found = audit(split, os.cpu_count() or 1, report, assignment)
        if found.faults and not skip_bad:
            shown = [f"{fault.file}: {fault.field}: wanted {fault.wanted}, got {fault.got}" for fault in found.faults]
            rest = [f"and {len(shown) - SHOWN_FAULTS} more"] if len(shown) > SHOWN_FAULTS else []
            wanted = "sound images and annotations (or --skip-bad to leave the broken ones out)"
            count = f"{len(shown)} fault{'s' if len(shown) > 1 else ''}:"
            raise InputError(split.annotation_file, "data", wanted, "\n  ".join([count, *shown[:SHOWN_FAULTS], *rest]))
        if found.bad_images:
            message = f"{split.name}: {len(found.bad_images)} broken images of {found.num_images} left out"
            stderr().print(message)
        broken.append(sorted(found.bad_images))
    return broken


def _require_assignment(labels: str | PathLike[str] | None, split: PanopticSplit) -> None:
    if labels is not None:
        Assignment.read(labels, fingerprint(parse_split(split, lambda image, fault: None)))


def _classes(splits: Sequence[PanopticSplit]) -> Taxonomy:
    """The classes of the train split, which must be those of the val split."""
    train, val = map(read_taxonomy, splits)
    require_same_classes(val, train, splits[1].annotation_file, splits[0].annotation_file.name)
    return train
