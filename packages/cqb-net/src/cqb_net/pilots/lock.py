"""One process at a time in a folder. The system lets go of the lock when its holder ends, however it ends."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cqb_core import InputError

NAME = "lock"


@contextmanager
def locked(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of a folder, which is created when missing.

    Args:
        folder: what to lock.
        patience: seconds to wait for another holder.

    Raises:
        InputError: naming the process that holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+") as file:
        deadline = time.monotonic() + patience
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline:
                file.seek(0)
                raise InputError(folder, NAME, "a folder that no other process works in", file.read().strip())
            time.sleep(0.05)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
