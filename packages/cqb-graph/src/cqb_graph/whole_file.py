"""Files appear whole or not at all."""

import os
import tempfile
from os import PathLike
from pathlib import Path


def write_whole(path: str | PathLike[str], content: bytes) -> Path:
    """Write under a temporary name in the same folder, flush to disk, then rename; returns the path.

    Raises:
        OSError: from the file system; the file that was there before is then untouched.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target
