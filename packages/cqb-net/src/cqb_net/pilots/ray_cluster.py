"""Jobs on a Ray cluster: a task a job, which runs it in a process of its own on whatever node is free.

Needs the extra `ray`. Data set and results must lie under the same path on every node (a shared file system).
"""

import socket
from collections.abc import Generator, Sequence
from importlib import import_module
from itertools import islice
from typing import Any

from cqb_core import InputError
from cqb_net.pilots.attempt import SHOWN, attempt
from cqb_net.pilots.execution import Job, Outcome, Place

WAITING = 64
"""Tasks at least that are handed to Ray at a time: enough for an autoscaler to see a demand."""


class RayCluster:
    """Every job is a task that takes one GPU where the cluster has any, else `threads` cores.

    Args:
        address: of the cluster's head, such as `10.0.0.1:6379`, or `auto`.
        threads: of torch and the numerical libraries in a job.

    Raises:
        InputError: when Ray is not installed or does not answer at that address.
    """

    def __init__(self, address: str, threads: int = 1) -> None:
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise InputError("--ray", "package ray", "the extra: pip install cqb-net[ray]", "not installed") from None
        _require_listener(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise InputError("--ray", address, "the address of a running Ray cluster", error) from error
        self.ray = ray
        self.threads = threads

    @property
    def slots(self) -> int:
        """How many jobs the cluster, as it is now, runs at a time."""
        resources = self.ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        return gpus or max(1, int(resources.get("CPU", 1)) // self.threads)

    def run(self, jobs: Sequence[Job]) -> Generator[Outcome, None, None]:
        """Outcomes as they come; a job whose worker or node is gone is lost. Closing the generator stops the others."""
        gpus = 1 if self.ray.cluster_resources().get("GPU", 0) else 0
        # Ray's own retries are off: the sweep counts how often a job was lost.
        task = self.ray.remote(attempt).options(num_cpus=self.threads, num_gpus=gpus, max_retries=0)
        waiting = iter(jobs)
        pending: dict[Any, str] = {}
        try:
            while True:
                room = max(WAITING, 2 * self.slots) - len(pending)
                pending |= {task.remote(job, Place(self.threads)): job.key for job in islice(waiting, room)}
                if not pending:
                    return
                for reference in self.ray.wait(list(pending), num_returns=1)[0]:
                    yield self._outcome(reference, pending.pop(reference))
        finally:
            for reference in pending:
                self.ray.cancel(reference, force=True)

    def _outcome(self, reference: Any, key: str) -> Outcome:
        errors = self.ray.exceptions
        try:
            outcome: Outcome = self.ray.get(reference)
        except errors.RayError as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())[:SHOWN]
            return Outcome(key, error=said, lost=not isinstance(error, errors.RayTaskError))
        return outcome


def _require_listener(address: str) -> None:
    """Ray itself tries for minutes to reach a `HOST:PORT` where nothing listens."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise InputError("--ray", address, "the address of a running Ray cluster", error) from error
