"""Where pilots run: an executor takes independent jobs and gives an outcome for each, in any order."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Job:
    """One call, made in a process of its own.

    Args:
        key: names the job.
        call: what to do; it and what it returns must pickle.
        log: file that what it prints is appended to; None keeps it for the error only.
        limit: seconds after which it is stopped; None lets it run.
    """

    key: str
    call: Callable[[], Any]
    log: Path | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Args:
        key: of the job.
        value: what the call returned.
        error: why there is no value; empty when there is one.
        lost: the process or its machine went away, which says nothing about the job: it may be tried again.
        seconds: how long it ran.
    """

    key: str
    value: Any = None
    error: str = ""
    lost: bool = False
    seconds: float = 0.0


@runtime_checkable
class Executor(Protocol):
    """Runs jobs side by side."""

    @property
    def slots(self) -> int:
        """How many jobs run at a time."""

    def run(self, jobs: Sequence[Job]) -> Generator[Outcome, None, None]:
        """Outcomes as they come, one for each job. Closing the generator stops what is running."""


@dataclass(frozen=True)
class Place:
    """What a process on one slot sees of its machine.

    Args:
        threads: of torch and of the numerical libraries.
        gpu: the one GPU that it may use; None leaves that as it is.
    """

    threads: int
    gpu: str | None = None

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that say so."""
        threads = {name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        return threads if self.gpu is None else {**threads, "CUDA_VISIBLE_DEVICES": self.gpu}
