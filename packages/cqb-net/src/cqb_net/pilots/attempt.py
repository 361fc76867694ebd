"""One job in a process of its own, so that whatever happens to it happens to nothing else."""

import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cqb_core.progress import duration
from cqb_net.pilots.child import HEADER
from cqb_net.pilots.execution import Job, Outcome, Place

SHOWN = 500
"""Characters of an error that are kept; the log has the rest."""

POLL = 0.2
"""Seconds between looks at whether a job is to stop."""


def attempt(job: Job, place: Place, stopped: Callable[[], bool] = lambda: False) -> Outcome:
    """Run a job and wait for it.

    Args:
        job: what to do.
        place: what its process may use.
        stopped: asked a few times a second; True kills the process.

    Returns:
        the outcome; an exception of the call, an exit and the limit are errors, a signal from elsewhere is a loss.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cqb-pilot-") as folder, _log(job, Path(folder)) as log:
        result, begin = Path(folder) / "result", log.tell()
        with _process(job, place, result, log) as process:
            ended = _wait(process, start, job.limit, stopped)
        seconds = time.monotonic() - start
        if not ended:
            over = job.limit is not None and seconds >= job.limit
            reason = f"stopped after the limit of {duration(job.limit or 0)}" if over else "stopped"
            return Outcome(job.key, error=reason, lost=not over, seconds=seconds)
        if process.returncode == 0 and result.exists():
            return Outcome(job.key, pickle.loads(result.read_bytes()), seconds=seconds)
        return _failure(job, process.returncode, _since(log, begin), seconds)


@contextmanager
def _process(job: Job, place: Place, result: Path, log: BinaryIO) -> Iterator["subprocess.Popen[bytes]"]:
    """The process of a job, killed with all that it has started when the block ends before it does."""
    # A session of its own: Ctrl-C in the terminal reaches the sweep alone, which then stops its jobs.
    process = subprocess.Popen(
        [sys.executable, "-c", "from cqb_net.pilots.child import main; main()", str(result)],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env={**os.environ, **place.variables},
        start_new_session=True,
    )
    feeder = threading.Thread(target=_feed, args=(process, pickle.dumps(job.call)), daemon=True)
    feeder.start()
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        feeder.join()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()


def _feed(process: "subprocess.Popen[bytes]", call: bytes) -> None:
    """Send the call and leave the pipe open. A process that is gone before it has read is known by its exit status."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(HEADER.pack(len(call)) + call)
            process.stdin.flush()


def _wait(process: "subprocess.Popen[bytes]", start: float, limit: float | None, stopped: Callable[[], bool]) -> bool:
    """Whether the process ended by itself, before the limit and before it was to stop."""
    while not stopped():
        left = POLL if limit is None else min(POLL, start + limit - time.monotonic())
        if left <= 0:
            return False
        try:
            process.wait(left)
        except subprocess.TimeoutExpired:
            continue
        return True
    return False


def _failure(job: Job, status: int, said: str, seconds: float) -> Outcome:
    if status < 0:
        return Outcome(job.key, error=f"killed by {signal.Signals(-status).name}", lost=True, seconds=seconds)
    error = _error_in(said) or f"exit status {status} without a result"
    return Outcome(job.key, error=error, seconds=seconds)


def _error_in(said: str) -> str:
    """The exception at the end of a traceback, without the traceback."""
    _, _, traceback = said.rpartition("Traceback (most recent call last):")
    found = re.search(r"^(?P<name>[A-Za-z_][\w.]*)(?::.*)?\Z", traceback.strip(), re.MULTILINE | re.DOTALL)
    return " ".join(found[0].split())[:SHOWN] if found and traceback else ""


@contextmanager
def _log(job: Job, folder: Path) -> Iterator[BinaryIO]:
    path = job.log or folder / "log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as log:
        log.seek(0, os.SEEK_END)
        yield log


def _since(log: BinaryIO, begin: int) -> str:
    log.seek(begin)
    return log.read().decode(errors="replace")
