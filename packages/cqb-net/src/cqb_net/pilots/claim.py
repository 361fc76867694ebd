"""A folder belongs to one sweep: one data set, one config, one length of training."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cqb_core import InputError
from cqb_core.data.audit import audit
from cqb_core.data.panoptic_files import find_split
from cqb_core.files import read_json, write_text
from cqb_core.progress import reporting
from cqb_net.pilots.lock import NAME as LOCK
from cqb_net.pilots.planning import Sweep

FILE, VERSION = "sweep.json", 1
SHOWN_FAULTS = 20


def require_claimable(out: Path) -> None:
    """Check that a folder is new, empty, or one of pilots, without writing anything.

    Raises:
        InputError: naming what is there instead.
    """
    if out.exists() and not out.is_dir():
        raise InputError(out, "out", "a folder", "a file")
    others = [file.name for file in sorted(out.glob("*")) if file.name != LOCK]
    if others and FILE not in others:
        raise InputError(out, "out", f"a new or empty folder, or one of pilots (with a {FILE})", ", ".join(others[:5]))


def claim(out: Path, sweep: Sweep, check: bool = True, progress: bool = True) -> None:
    """Make the folder this sweep's own, or check that it is.

    Args:
        out: the folder, which is locked.
        sweep: what will run in it.
        check: look at every file of the data set when the folder is new.
        progress: show a bar while looking.

    Raises:
        InputError: when the folder belongs to another data set or config, or a file of the data set is broken.
    """
    path = out / FILE
    if path.exists():
        _require_same(read_json(path), _content(sweep), path)
        return
    if check:
        _require_sound(sweep.data, progress)
    write_text(path, json.dumps(_content(sweep), indent=1) + "\n")


def _content(sweep: Sweep) -> dict[str, Any]:
    return {
        "format": sweep.report.format,
        "version": VERSION,
        "fingerprint": sweep.fingerprint,
        "config": sweep.recipe.name,
        "options": {key: repr(value) for key, value in sweep.recipe.options.items()},
        "digest": sweep.recipe.digest,
    }


def _require_same(found: Any, wanted: Mapping[str, Any], path: Path) -> None:
    if not isinstance(found, Mapping):
        raise InputError(path, "content", "the description of a sweep", type(found).__name__)
    for field in ("format", "version"):
        if found.get(field) != wanted[field]:
            raise InputError(path, field, repr(wanted[field]), repr(found.get(field)))
    if found.get("fingerprint") != wanted["fingerprint"]:
        got = f"{str(found.get('fingerprint'))[:12]} (another folder for another data set)"
        raise InputError(path, "fingerprint", f"the data set's {wanted['fingerprint'][:12]}", got)
    if found.get("digest") != wanted["digest"]:
        asked, got = (f"{content.get('config')} with {content.get('options')}" for content in (wanted, found))
        raise InputError(path, "config", f"{asked} of the same length and text (or another folder)", got)


def _require_sound(data: Path, progress: bool) -> None:
    for name in ("train", "val"):
        split = find_split(data, name)
        with reporting(f"check {name}", progress) as report:
            faults = audit(split, os.cpu_count() or 1, report).faults
        if faults:
            shown = [f"{fault.file}: {fault.field}: wanted {fault.wanted}, got {fault.got}" for fault in faults]
            rest = [f"and {len(shown) - SHOWN_FAULTS} more"] if len(shown) > SHOWN_FAULTS else []
            got = "\n  ".join([f"{len(shown)} faults:", *shown[:SHOWN_FAULTS], *rest])
            raise InputError(split.annotation_file, "data", "sound images and annotations", got)
