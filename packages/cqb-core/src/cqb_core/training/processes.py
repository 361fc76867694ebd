"""Several processes that train one network, as `torchrun` starts them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from mmengine.config import Config

PATIENCE = 1800
"""Seconds that a process waits for the others before it gives up; validation and checkpoints must fit in."""

_LOST = re.compile(
    r"closed by peer|Connection re(?:set|fused)|Broken pipe|Timed out|timeout|communicator", re.IGNORECASE
)


class ProcessLostError(RuntimeError):
    """Another process of a training has ended or does not answer."""


@contextmanager
def together(config: Config) -> Iterator[None]:
    """Let a config's run join the processes that `torchrun` has started; nothing happens elsewhere.

    Without a GPU they speak by gloo. That group is made here, since mmengine makes its own on GPUs only.
    `env_cfg.dist_cfg.timeout` says how many seconds one waits for the others (`PATIENCE` by default).

    Args:
        config: told its launcher, in place.

    Raises:
        ProcessLostError: when another process ends, or does not answer in time, while they train.
    """
    if not dist.is_torchelastic_launched():
        yield
        return
    config.launcher = "pytorch"
    environment = dict(config.get("env_cfg", {}))
    speech = {"backend": "nccl", "timeout": PATIENCE, **environment.get("dist_cfg", {})}
    config.env_cfg = {**environment, "dist_cfg": speech}
    made_here = not torch.cuda.is_available() and not dist.is_initialized()
    if made_here:
        dist.init_process_group("gloo", timeout=timedelta(seconds=speech["timeout"]))
    try:
        yield
    except RuntimeError as error:
        if lost := lost_process_in(error):
            raise lost from error
        raise
    finally:
        if made_here:
            dist.destroy_process_group()


def lost_process_in(error: RuntimeError) -> ProcessLostError | None:
    """What an error of torch's communication says about the other processes; None for any other error."""
    text = str(error)
    if not (isinstance(error, dist.DistError) or "gloo" in text.lower()) or not _LOST.search(text):
        return None
    first = text.strip().splitlines()[0][:200]
    wanted = "the last checkpoint is whole: start all of them again with --resume"
    return ProcessLostError(f"another process of this training has ended or does not answer ({first}); {wanted}")
