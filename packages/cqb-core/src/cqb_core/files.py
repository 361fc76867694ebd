"""Files that are whole or not there: written beside their name, flushed to disk, then renamed."""

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from cqb_core.errors import InputError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when a file cannot grow: disk full, quota used up, limit on a file's size reached."""

_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}(\.\w{1,19})?", re.DOTALL)
"""The temporary names of `replacing`."""


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary path in the folder of `path` that becomes `path` when the block ends, and vanishes if it raises.

    The folder is created when missing. The content is on disk (fsync) before the name points to it. A process that is
    killed in the block leaves the old file whole, and a temporary one (`unfinished`).

    Raises:
        InputError: see `require_writable`; when the disk is full, naming `path`, whose old content stays.
    """
    path = Path(path)
    require_writable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with needing_room(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=path.suffix[:20], dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def needing_room(path: str | PathLike[str]) -> Iterator[None]:
    """Say of which file it was that the disk had no room for it.

    Raises:
        InputError: instead of the system's error when the disk, a quota or the limit on a file's size is used up.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise InputError(path, "disk", "room to write it", os.strerror(error.errno)) from error


def unfinished(folder: str | PathLike[str]) -> list[Path]:
    """Temporary files of `replacing` in a folder: left by a process that was killed, or of one that writes now."""
    return sorted(file for file in Path(folder).glob(".*") if _UNFINISHED.fullmatch(file.name) and file.is_file())


def require_writable(path: str | PathLike[str]) -> None:
    """Check that a file can be written, without writing it: worth doing before hours of work that end in one.

    Raises:
        InputError: when the path is a folder, or its folder is a file or may not be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(path, "file", "a file to write", "a folder")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise InputError(path, "folder", "a folder to write into", f"the file {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(path, "folder", "a folder to write into", f"{folder}, which is read-only")


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write `text` as UTF-8; the file appears whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: str | PathLike[str]) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: when the file is missing, no file, no UTF-8 or no JSON (with line and column), or nested too deep.
    """
    try:
        # Opening a pipe would wait for a writer that never comes; a missing file and a folder say so themselves.
        if Path(path).is_fifo():
            raise InputError(path, "file", "a JSON file", "a pipe")
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(path, "file", "a JSON file", "no such file") from None
    except IsADirectoryError:
        raise InputError(path, "file", "a JSON file", "a folder") from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"byte {error.start}", "UTF-8 text", error.reason) from None
    except json.JSONDecodeError as error:
        raise InputError(path, f"line {error.lineno} column {error.colno}", "JSON", error.msg) from None
    except RecursionError:
        raise InputError(path, "content", "JSON of few levels", "one nested too deep") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:  # an unreadable file; an integer of thousands of digits
        raise InputError(path, "file", "a JSON file", error) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
