"""The index of a large panoptic json, read once: kept in memory for the process, and on disk for the next one.

Reading COCO's 118,287 images from json takes tens of seconds and gigabytes; from arrays a second. A kept index is used
as long as its file is the same: same path, inode, size and times of change. Small files are read anew each time.
"""

import hashlib
import json
import os
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from cqb_core.data.columns import Columns, labelled_columns
from cqb_core.errors import InputError
from cqb_core.files import replacing

KEPT_BYTES = 4 * 2**20
"""Files from this size on are kept."""

KEPT_FILES = 4
"""How many indices a process keeps, the last used."""

SETTLED = 2.0
"""Seconds that a file must have been left alone: within the clock's tick a second change would go unseen."""

VERSION = 1

READ_ERRORS = (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, TypeError, MemoryError)
"""What numpy raises on a file that it did not write or that was damaged since."""

Parsed = tuple[list[dict[str, Any]], Columns, list[tuple[int | None, InputError]]]
"""The categories as COCO has them, the sound images, and the faults of the others."""

_kept: OrderedDict[str, Parsed] = OrderedDict()


def kept(path: Path, parse: Callable[[Path], Parsed]) -> Parsed:
    """What `parse` makes of a file, or made of it before.

    Only an index without a fault goes to disk, into `cache_folder()`. Where that cannot be written to, every process
    reads the json.

    Args:
        path: of a panoptic json.
        parse: reads it; its errors pass.
    """
    key = _key(path)
    if key is None:
        return parse(path)
    if key not in _kept:
        file = cache_folder() / f"{key}.npz"
        stored = _read(file)
        made = parse(path) if stored is None else stored
        if stored is None and not made[2] and made[1].plain:
            _write(file, made)
        _kept[key] = made
    _kept.move_to_end(key)
    while len(_kept) > KEPT_FILES:
        _kept.popitem(last=False)
    return _kept[key]


def cache_folder() -> Path:
    """Where indices are kept: `CQB_CACHE`, else `cqb-core` in the user's folder of caches."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CQB_CACHE") or Path(home) / "cqb-core")


def _key(path: Path) -> str | None:
    """Names the present content of a file; None when it is small, was just changed, or is missing."""
    try:
        state = path.stat()
    except OSError:
        return None
    changed = max(state.st_mtime, state.st_ctime)
    if state.st_size < KEPT_BYTES or time.time() - changed < SETTLED:
        return None
    known = (VERSION, str(path.resolve()), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]


def _read(file: Path) -> Parsed | None:
    with suppress(*READ_ERRORS), np.load(file, allow_pickle=False) as stored:
        columns = Columns(**{field.name: stored[field.name] for field in fields(Columns)})
        return json.loads(stored["categories"].tobytes()), columns, []
    return None


def _write(file: Path, made: Parsed) -> None:
    """Keep an index; a full disk or a folder that may not be written to is no reason to stop."""
    categories = np.frombuffer(json.dumps(made[0]).encode(), np.uint8)
    with suppress(InputError, OSError), replacing(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, categories=categories, **labelled_columns(made[1]))
