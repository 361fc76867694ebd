import multiprocessing
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from torch.utils.data import get_worker_info

from cqb_core.training.loader_workers import start_worker
from cqb_core.training.runner import FileLogRunner


class LargeArrays:
    """Items that no pipe holds, so that a worker's queue is never empty, each with its worker's seed."""

    def __len__(self):
        return 64

    def __getitem__(self, place):
        return {"pixels": np.full(200_000, place), "seed": get_worker_info().seed, "drawn": np.random.random()}  # noqa: NPY002


def loader(**changes):
    config = {
        "dataset": LargeArrays(),
        "batch_size": 1,
        "num_workers": 2,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "pseudo_collate"},
        **changes,
    }
    with DefaultScope.overwrite_default_scope("mmdet"):
        return FileLogRunner.build_dataloader(config, seed=5)


def load_and_wait(pipe):
    batches = iter(loader())
    next(batches)
    pipe.send([worker.pid for worker in batches._workers])
    signal.pause()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the system sends no signal when a parent ends")
def test_no_worker_survives_its_killed_training():
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    training = context.Process(target=load_and_wait, args=(there,))
    training.start()
    workers = here.recv()
    assert len(workers) == 2
    assert all(map(alive, workers))
    training.kill()
    training.join()
    deadline = time.monotonic() + 4
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    left = [pid for pid in workers if alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def test_workers_are_initialised_as_the_loader_says():
    batches = loader(worker_init_fn={"type": seeded_alike}, num_workers=1)
    first = next(iter(batches))["drawn"][0]
    assert first == np.random.RandomState(11).random_sample()


def test_workers_are_seeded_as_mmengine_does():
    first = next(iter(loader(num_workers=1)))["drawn"][0]
    assert first == np.random.RandomState(5).random_sample()


def seeded_alike(worker):
    np.random.seed(11)  # noqa: NPY002


def test_a_worker_whose_training_is_gone_already_does_not_start():
    """The child's parent is, by its own account, another process than the one that the system names."""
    context = multiprocessing.get_context("fork")
    orphan = context.Process(target=partial(start_as_orphan, os.getpid()))
    orphan.start()
    orphan.join()
    assert orphan.exitcode == -signal.SIGKILL


def start_as_orphan(parent):
    os.getppid = lambda: parent + 1
    start_worker(None, 0)
