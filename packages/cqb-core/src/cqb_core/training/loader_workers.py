"""Loader workers that end with the process that they load for, even when that one is killed.

torch's workers look every five seconds whether their parent lives, and then wait until what they have loaded is read,
which nobody will do: with more in their queue than a pipe holds they stay for ever, with their memory.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
"""Linux: the signal that a process gets when the thread that started it ends (prctl(2))."""


def start_worker(initialise: Callable[[int], None] | None, worker: int) -> None:
    """Start a worker: let it end with its parent where the system can see to that (Linux), then initialise it.

    Args:
        initialise: a loader's `worker_init_fn`.
        worker: its number.
    """
    if sys.platform == "linux":
        _end_with_parent()
    if initialise is not None:
        initialise(worker)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    # One that was killed before the call above sends no signal any more.
    if parent is not None and os.getppid() != parent.pid:
        os.kill(os.getpid(), signal.SIGKILL)
