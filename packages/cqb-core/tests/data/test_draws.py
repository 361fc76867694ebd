import pickle
import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from cqb_core.data.draws import Draw, SeededBatchSampler, drawing_from, seed_generators


def drawn():
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002


@dataclass
class Order:
    """A sampler as mmengine makes them."""

    mine: list
    rank: int
    world_size: int
    seed: int
    epoch: int

    def __iter__(self):
        return iter(self.mine)

    def __len__(self):
        return len(self.mine)


def batches(rank=0, world_size=1, batch_size=4, begin=0, seed=3, epoch=5):
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1)).tolist()
    mine = [index for place, index in enumerate(order) if place // batch_size % world_size == rank]
    made = SeededBatchSampler(Order(mine, rank, world_size, seed, epoch), batch_size)
    made.begin = begin
    return made


def described(batch):
    return [(int(draw), draw.entropy) for draw in batch]


def test_a_draw_is_its_index_and_travels_with_its_entropy():
    draw = Draw(7, (1, 2, 3))
    assert draw == 7
    assert [10, 20][Draw(1, (0,))] == 20
    assert described([pickle.loads(pickle.dumps(draw))]) == [(7, (1, 2, 3))]


def test_equal_entropy_gives_equal_numbers_and_leaves_the_generators_alone():
    seed_generators((0,))
    expected = drawn()
    block = drawing_from((4, 1))  # made first: the checks of types in a test run draw random numbers, too
    seed_generators((0,))
    with block:
        first = drawn()
    assert drawn() == expected
    with drawing_from((4, 1)):
        assert drawn() == first
    with drawing_from((4, 2)):
        assert not set(drawn()) & set(first)


def test_generators_are_left_alone_by_a_block_that_fails():
    seed_generators((0,))
    expected = drawn()
    block = drawing_from((1,))
    seed_generators((0,))
    with pytest.raises(KeyError), block:
        raise KeyError
    assert drawn() == expected


def test_every_turn_has_entropy_of_its_own():
    seen = [draw.entropy for batch in batches() for draw in batch]
    assert seen == [(3, 5, slot) for slot in range(24)]


def test_batches_before_the_beginning_are_left_out_and_the_rest_is_as_ever():
    whole = list(map(described, batches()))
    assert list(map(described, batches(begin=4))) == whole[4:]
    assert len(batches(begin=4)) == 6
    assert list(batches(begin=6)) == []


@pytest.mark.parametrize("world_size", [2, 4])
def test_processes_augment_as_one_process_does(world_size):
    one = [described(batch) for batch in batches(batch_size=4)]
    size = 4 // world_size
    many = [list(map(described, batches(rank, world_size, size))) for rank in range(world_size)]
    for step, batch in enumerate(one):
        assert batch == [turn for process in many for turn in process[step]]


def test_a_sample_depends_on_its_turn_alone(dataset):
    data = dataset()
    turns = [(seed, epoch, slot) for seed in range(2) for epoch in range(2) for slot in range(3)]
    first = [data[Draw(2, turn)]["inputs"] for turn in turns]
    drawn()
    again = [data[Draw(2, turn)]["inputs"] for turn in reversed(turns)][::-1]
    assert all(map(torch.equal, first, again))
    assert len({(pixels.shape, float(pixels.double().std())) for pixels in first}) > len(turns) / 2


def test_plain_indices_draw_on(dataset):
    data = dataset()
    seed_generators((0,))
    shapes = {tuple(data[2]["inputs"].shape) for _ in range(6)}
    assert len(shapes) > 1
