"""An image's turn in an epoch, augmented by random numbers of its own.

mmdet's transforms draw from the generators of the process that loads an image, so what an image looks like depends on
what that process has loaded before. Here each turn seeds them anew: an image is the same whichever process loads it,
however many there are, and wherever a training was interrupted.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmdet.registry import DATA_SAMPLERS
from torch.utils.data import BatchSampler, Sampler

WORDS = 4
"""32-bit words of a seed, as many as distinguish any two turns for practical purposes."""


class Draw(int):
    """The index of an image, with the entropy (integers >= 0) of the turn that it is drawn for."""

    entropy: tuple[int, ...]

    def __new__(cls, index: int, entropy: Sequence[int]) -> "Draw":
        """An `int` that remembers its entropy."""
        made = super().__new__(cls, index)
        made.entropy = tuple(entropy)
        return made

    def __reduce__(self) -> tuple[type["Draw"], tuple[int, tuple[int, ...]]]:
        return type(self), (int(self), self.entropy)


def seed_generators(entropy: Sequence[int]) -> None:
    """Seed the global generators of Python, numpy and torch's processor; those of GPUs stay as they are.

    Args:
        entropy: integers >= 0; other integers give other, independent streams.
    """
    words = np.random.SeedSequence(list(entropy)).generate_state(WORDS)
    random.seed(int.from_bytes(words.tobytes(), "little"))
    np.random.seed(words)  # noqa: NPY002 mmdet's transforms and samplers draw from the global generator
    torch.default_generator.manual_seed(int(words[0]) << 32 | int(words[1]))


@contextmanager
def drawing_from(entropy: Sequence[int]) -> Iterator[None]:
    """Seed the global generators of this process for a block (`seed_generators`), and leave them as they were."""
    python, numbers, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    seed_generators(entropy)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)  # noqa: NPY002
        torch.set_rng_state(tensors)


@DATA_SAMPLERS.register_module()
class SeededBatchSampler(Sampler[list[int]]):
    """Batches of `Draw`: those of another batch sampler, each image with the entropy (seed, epoch, slot).

    A slot is a place in the global batches of an epoch, counted over all processes, so that n processes of batch size
    b augment an image as one process of n b does.

    Args:
        sampler: mmengine's `DefaultSampler`; gives seed, epoch, rank and number of processes.
        batch_size: images per batch and process.
        inner: config of the batch sampler; None for torch's `BatchSampler`.
        drop_last: of torch's `BatchSampler`.

    Attributes:
        begin: batches that the next epoch leaves out at its start, without loading an image of them.
    """

    begin: int = 0

    def __init__(
        self, sampler: Any, batch_size: int, inner: dict[str, Any] | None = None, drop_last: bool = False
    ) -> None:
        self.sampler, self.batch_size = sampler, batch_size
        config = {"type": BatchSampler, "drop_last": drop_last} if inner is None else dict(inner)
        self.inner: Any = DATA_SAMPLERS.build({**config, "sampler": sampler, "batch_size": batch_size})

    def __len__(self) -> int:
        """Batches of a whole epoch and process."""
        return len(self.inner)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches from `begin` on."""
        for place, batch in enumerate(self.inner):
            if place >= self.begin:
                first = (place * self.sampler.world_size + self.sampler.rank) * self.batch_size
                yield [self._draw(index, first + turn) for turn, index in enumerate(batch)]

    def _draw(self, index: int, slot: int) -> Draw:
        return Draw(index, (self.sampler.seed, self.sampler.epoch, slot))
