"""Several processes that train one network, as `torchrun` starts them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from mmengine.config import Config


@contextmanager
def together(config: Config) -> Iterator[None]:
    """Let a config's run join the processes that `torchrun` has started; nothing happens elsewhere.

    Without a GPU they speak by gloo. That group is made here, since mmengine makes its own on GPUs only.

    Args:
        config: told its launcher, in place.
    """
    if not dist.is_torchelastic_launched():
        yield
        return
    config.launcher = "pytorch"
    made_here = not torch.cuda.is_available() and not dist.is_initialized()
    if made_here:
        dist.init_process_group("gloo")
    try:
        yield
    finally:
        if made_here:
            dist.destroy_process_group()
