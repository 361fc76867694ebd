"""Files that are whole or not there: written beside their name, flushed to disk, then renamed."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from cqb_core.errors import InputError


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary path in the folder of `path` that becomes `path` when the block ends, and vanishes if it raises.

    The folder is created when missing. The content is on disk (fsync) before the name points to it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
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


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write `text` as UTF-8; the file appears whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: str | PathLike[str]) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: when the file is missing, no file, no UTF-8 or no JSON (with line and column).
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(path, "file", "a JSON file", "no such file") from None
    except IsADirectoryError:
        raise InputError(path, "file", "a JSON file", "a folder") from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"byte {error.start}", "UTF-8 text", error.reason) from None
    except json.JSONDecodeError as error:
        raise InputError(path, f"line {error.lineno} column {error.colno}", "JSON", error.msg) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
