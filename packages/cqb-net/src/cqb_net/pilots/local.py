"""Jobs on this machine: a fixed number of processes at a time, or one a GPU."""

import os
import queue
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from cqb_net.pilots.attempt import attempt
from cqb_net.pilots.execution import Job, Outcome, Place

WORKERS = 2
"""Processes at a time on a machine without a GPU."""


class LocalProcesses:
    """Every job in a process of its own on this machine.

    The cores are shared out evenly, unless `OMP_NUM_THREADS` says how many threads a process is to have.

    Args:
        workers: jobs at a time; by default one a GPU, or two where there is none.
        gpus: names of the GPUs that jobs take turns on, as `CUDA_VISIBLE_DEVICES` has them.

    Raises:
        ValueError: for fewer than one worker.
    """

    def __init__(self, workers: int | None = None, gpus: Sequence[str] = ()) -> None:
        count = workers if workers is not None else len(gpus) or WORKERS
        if count < 1:
            raise ValueError(f"workers: wanted 1 or more, got {count}")
        asked = os.environ.get("OMP_NUM_THREADS", "")
        threads = int(asked) if asked.isdecimal() and int(asked) else max(1, (os.cpu_count() or 1) // count)
        self.places = [Place(threads, gpus[slot % len(gpus)] if gpus else None) for slot in range(count)]

    @property
    def slots(self) -> int:
        """How many jobs run at a time."""
        return len(self.places)

    def run(self, jobs: Sequence[Job]) -> Generator[Outcome, None, None]:
        """Outcomes as they come. Closing the generator kills what is running and starts nothing more."""
        free: queue.SimpleQueue[Place] = queue.SimpleQueue()
        for place in self.places:
            free.put(place)
        stop = threading.Event()

        def at_a_free_place(job: Job) -> Outcome:
            place = free.get()
            try:
                return attempt(job, place, stop.is_set)
            finally:
                free.put(place)

        with ThreadPoolExecutor(self.slots) as pool:
            try:
                for future in as_completed([pool.submit(at_a_free_place, job) for job in jobs]):
                    yield future.result()
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)


def gpus_here() -> tuple[str, ...]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    import torch

    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return tuple(named[:count]) if named else tuple(map(str, range(count)))
