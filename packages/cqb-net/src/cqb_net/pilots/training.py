"""A pilot from assignment to score, in a folder of its own that a later call continues from."""

import json
import resource
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cqb_core import InputError, assign
from cqb_core.data.panoptic_files import PanopticIndex, find_split, fingerprint, read_split
from cqb_core.evaluation.report import Evaluation
from cqb_core.files import read_json, write_text
from cqb_net.pilots.curve import write_curve
from cqb_net.pilots.lock import locked
from cqb_net.pilots.pilot import Pilot
from cqb_net.pilots.provenance import commit, machine, versions

RESULT, LABELS, CURVE, TRAINING = "result.json", "labels.json", "curve.csv", "training"
GROUPS = {"": "all", "_th": "things", "_st": "stuff"}
"""Suffix of a column, and the classes that its quality is over."""

PATIENCE = 20.0
"""Seconds to wait for a predecessor that is being killed."""


def run_pilot(pilot: Pilot, data: Path, folder: Path, keep_weights: bool = False) -> dict[str, Any]:
    """Train and score a pilot; a training that was begun in the folder goes on from its last whole checkpoint.

    The last checkpoint is scored, never the best on the val split, which would favour runs that were looked at oftener.

    Args:
        pilot: what to train.
        data: root of the data set.
        folder: for assignment, training, learning curve and `result.json`, which comes last.
        keep_weights: keep the checkpoints of a finished training; they are removed otherwise.

    Returns:
        the cells of the table of runs that only a training can tell, see `runs.MEASURED`.

    Raises:
        InputError: when the data set is another one by now, or anything that `train` and `evaluate` raise.
    """
    with locked(folder, PATIENCE):
        done = finished(folder)
        if done is not None:
            return done
        start, busy = time.monotonic(), _processor_seconds()
        index = _index(data, pilot)
        labels = folder / LABELS
        ids = [entry.image_id for entry in index.entries]
        assign(ids, pilot.allocation, pilot.seed, fingerprint(index)).write(labels)
        scores, iterations = _train_and_evaluate(pilot, data, folder / TRAINING, labels)
        result = {
            "images": len(ids),
            **points(scores),
            "val_images": scores.images,
            "iterations": iterations,
            "sessions": write_curve(folder / TRAINING, folder / CURVE),
            "wall_seconds": round(time.monotonic() - start, 1),
            "cpu_seconds": round(_processor_seconds() - busy, 1),
            "machine": machine(),
            "versions": versions(),
            "commit": commit(),
        }
        write_text(folder / RESULT, json.dumps(result, indent=1) + "\n")
        if not keep_weights:
            drop_weights(folder)
        return result


def finished(folder: Path) -> dict[str, Any] | None:
    """What `run_pilot` left in a folder when it was done; None when it was not."""
    path = folder / RESULT
    if not path.exists():
        return None
    content = read_json(path)
    if not isinstance(content, Mapping):
        raise InputError(path, "content", "the result of a pilot", type(content).__name__)
    return dict(content)


def points(scores: Evaluation) -> dict[str, float | str]:
    """PQ, SQ and RQ over all classes, things and stuff, box AP, mask AP and mIoU, from 0 to 100.

    Empty where there is none: no class in the group, or not measured.
    """
    values: dict[str, float | str] = {}
    for measure in ("pq", "sq", "rq"):
        for suffix, group in GROUPS.items():
            value = getattr(getattr(scores.panoptic, group), measure)
            values[measure + suffix] = _point(value)
    values["box_ap"], values["mask_ap"] = (_point(part.ap if part else None) for part in (scores.box, scores.mask))
    values["miou"] = _point(scores.mean_iou.mean if scores.mean_iou else None)
    return values


def _point(fraction: float | None) -> float | str:
    return "" if fraction is None else round(100 * fraction, 4)


def drop_weights(folder: Path) -> None:
    """Remove the checkpoints of a pilot's training."""
    for file in [*(folder / TRAINING).glob("*.pth"), folder / TRAINING / "last_checkpoint"]:
        file.unlink(missing_ok=True)


def _train_and_evaluate(pilot: Pilot, data: Path, training: Path, labels: Path) -> tuple[Evaluation, int]:
    """The score of the trained network, and the iterations of its training."""
    from cqb_core.evaluation.run import evaluate
    from cqb_core.training import train
    from cqb_core.training.plain_checkpoint import load_checkpoint

    begun = _resumable(training)
    if training.exists() and not begun:
        shutil.rmtree(training)
    checkpoint = train(
        pilot.mmengine_config(),
        data,
        training,
        labels,
        resume=begun,
        seed=pilot.seed,
        check=False,
        options=dict(pilot.options),
        progress=False,
    )
    scores = evaluate(checkpoint, data, "val", progress=False)
    return scores, int(load_checkpoint(checkpoint)["meta"]["iter"])


def _resumable(training: Path) -> bool:
    """Whether a training has a checkpoint that can be read to its end."""
    from cqb_core.training import last_checkpoint
    from cqb_core.training.plain_checkpoint import load_checkpoint

    with suppress(InputError):
        load_checkpoint(last_checkpoint(training))
        return True
    return False


def _index(data: Path, pilot: Pilot) -> PanopticIndex:
    index = read_split(find_split(data, "train"))
    found = data_fingerprint(index, read_split(find_split(data, "val")))
    if found != pilot.fingerprint:
        raise InputError(data, "fingerprint", f"the {pilot.fingerprint[:12]} that was planned for", found[:12])
    return index


def data_fingerprint(train: PanopticIndex, val: PanopticIndex) -> str:
    """Of both splits of a data set: categories, and every image's id, name and size."""
    return f"{fingerprint(train)[:32]}{fingerprint(val)[:32]}"


def _processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
