"""Batches in which every label set has its set share.

With a tenth of the images labelled fully, a random batch of four holds 0.4 of them and the semantic head starves. So
the slots of a batch are dealt out to the label sets by share, and each label set is walked through in shuffled passes.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Int
from mmdet.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from cqb_core.errors import InputError
from cqb_core.labels import Labels

PANOPTIC_SHARE = 0.5


@DATA_SAMPLERS.register_module()
class LabelShareBatchSampler(Sampler[list[int]]):
    """Deal the slots of every batch to the label sets by share.

    The shares default to `default_shares`: at least half of the slots for fully labelled images. An epoch has as many
    slots as the data set has images, owned labels or not, so that runs of different allocations see equal numbers of
    images. Slots are dealt over the global batch and then split by process, so n processes with batch size b see
    what one process with n b sees. Which images an epoch holds depends on seed and epoch alone.

    Args:
        sampler: mmengine's `DefaultSampler`; gives the data set, seed, epoch, rank and number of processes.
        batch_size: images per batch and process.
        shares: slots per label set, e.g. `{"P": 0.5, "B": 0.5}`; >= 0, scaled to sum to 1. None for the default.

    Raises:
        InputError: when the data set is empty or a label set with a share has no image.
    """

    def __init__(self, sampler: Any, batch_size: int, shares: Mapping[str, float | int] | None = None) -> None:
        self.sampler, self.batch_size = sampler, batch_size
        label_sets = _label_sets(sampler.dataset)
        self.members = {Labels(int(value)): np.flatnonzero(label_sets == value) for value in np.unique(label_sets)}
        counts = {owned: len(indices) for owned, indices in self.members.items()}
        self.shares = default_shares(counts) if shares is None else _explicit_shares(shares, counts)
        slots = -(-sampler.dataset.num_images // (batch_size * sampler.world_size)) * batch_size * sampler.world_size
        self.slots = deal(list(self.shares.values()), slots)

    def __len__(self) -> int:
        """Batches per epoch and process."""
        world_size: int = self.sampler.world_size
        return len(self.slots) // (self.batch_size * world_size)

    def __iter__(self) -> Iterator[list[int]]:
        """Batches of this process for the epoch that the sampler is set to."""
        images = np.empty(len(self.slots), dtype=np.int64)
        for position, owned in enumerate(self.shares):
            turns = self.slots == position
            images[turns] = list(islice(self._stream(owned, int(turns.sum())), int(turns.sum())))
        mine = images.reshape(-1, self.sampler.world_size, self.batch_size)[:, self.sampler.rank]
        return iter(mine.tolist())

    def _stream(self, owned: Labels, slots: int) -> Iterator[int]:
        """The images of one label set in endless shuffled passes, from where the last epoch stopped."""
        members = self.members[owned]
        first, offset = divmod(self.sampler.epoch * slots, len(members))
        return islice(_passes(members, self.sampler.seed, owned, first), offset, None)


def default_shares(counts: Mapping[Labels, int]) -> dict[Labels, float]:
    """Shares of a batch by numbers of images: PANOPTIC gets its share of the images and at least one half, the rest
    is split among the others in proportion to their images.
    """
    if set(counts) == {Labels.PANOPTIC} or Labels.PANOPTIC not in counts:
        return {owned: count / sum(counts.values()) for owned, count in counts.items()}
    panoptic = max(PANOPTIC_SHARE, counts[Labels.PANOPTIC] / sum(counts.values()))
    others = sum(counts.values()) - counts[Labels.PANOPTIC]
    return {
        owned: panoptic if owned == Labels.PANOPTIC else (1 - panoptic) * count / others
        for owned, count in counts.items()
    }


def deal(shares: Sequence[float], slots: int) -> Int[np.ndarray, " slots"]:
    """Name a position in `shares` for each slot such that after any number of slots each has its share to within one.

    Earliest deadline first among those whose next turn has come (Tijdeman 1980, "The chairman assignment problem").

    Args:
        shares: > 0, sum to 1.
        slots: how many to deal.
    """
    wanted, slack = np.asarray(shares), 1 - 1 / max(2 * len(shares) - 2, 1)
    given, dealt = np.zeros(len(shares)), np.zeros(slots, dtype=np.int64)
    for slot in range(slots):
        deadline = np.where(wanted * (slot + 1) - given >= 1 - slack - 1e-9, (given + slack) / wanted, np.inf)
        dealt[slot] = chosen = int(deadline.argmin())
        given[chosen] += 1
    return dealt


def _passes(members: np.ndarray, seed: int, owned: Labels, first: int) -> Iterator[int]:
    while True:
        yield from np.random.default_rng((seed, owned.value, first)).permutation(members).tolist()
        first += 1


def _label_sets(dataset: Any) -> np.ndarray:
    if not hasattr(dataset, "label_sets"):
        raise InputError("train_dataloader", "dataset", "a MixedLabelDataset", type(dataset).__name__)
    if not len(dataset.label_sets):
        raise InputError(dataset.ann_file, "assignment", "at least one image that owns a label", "none")
    label_sets: np.ndarray = dataset.label_sets
    return label_sets


def _explicit_shares(shares: Mapping[str, float | int], counts: Mapping[Labels, int]) -> dict[Labels, float]:
    parsed = {Labels.parse(name): share for name, share in shares.items()}
    for owned, share in parsed.items():
        if not share >= 0:
            raise InputError("batch_sampler", f"shares.{owned.short}", "a share >= 0", share)
        if share and not counts.get(owned):
            raise InputError("batch_sampler", f"shares.{owned.short}", "images that own it", "none")
    missing = [owned.short for owned in counts if owned not in parsed]
    if missing:
        raise InputError("batch_sampler", "shares", f"a share for {', '.join(missing)}", ", ".join(shares))
    if not any(parsed.values()):
        shown = ", ".join(f"{name}={share:g}" for name, share in shares.items())
        raise InputError("batch_sampler", "shares", "one above 0", shown)
    return {owned: share / sum(parsed.values()) for owned, share in parsed.items() if share}
