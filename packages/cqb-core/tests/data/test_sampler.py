from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_core import InputError, Labels
from cqb_core.data.sampler import LabelShareBatchSampler, deal, default_shares

P, I, B, S = Labels.PANOPTIC, Labels.IMAGE, Labels.BOX, Labels.STUFF  # noqa: E741 the paper's letters


def sampler(label_sets, num_images=None, rank=0, world_size=1, epoch=0, seed=0, batch_size=4, shares=None):
    sets = np.array([owned.value for owned in label_sets])
    data = SimpleNamespace(label_sets=sets, num_images=num_images or len(sets), ann_file="a.json")
    state = SimpleNamespace(dataset=data, rank=rank, world_size=world_size, epoch=epoch, seed=seed)
    return LabelShareBatchSampler(state, batch_size, shares)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8), st.integers(1, 200))
def test_every_prefix_of_the_deal_is_within_one_of_the_shares(weights, slots):
    shares = np.array(weights) / sum(weights)
    dealt = deal(shares.tolist(), slots)
    counts = np.cumsum(dealt[:, None] == np.arange(len(shares)), axis=0)
    assert np.abs(counts - shares * np.arange(1, slots + 1)[:, None]).max() < 1


def test_panoptic_images_fill_half_of_the_slots_at_least():
    assert default_shares({P: 10, B: 60, I: 30}) == pytest.approx({P: 0.5, B: 1 / 3, I: 1 / 6})
    assert default_shares({P: 80, B: 20}) == pytest.approx({P: 0.8, B: 0.2})
    assert default_shares({P: 7}) == {P: 1.0}
    assert default_shares({B: 30, S: 10}) == pytest.approx({B: 0.75, S: 0.25})


def test_every_batch_has_the_default_shares():
    made = sampler([P] * 10 + [B] * 90)
    for batch in made:
        assert sum(image < 10 for image in batch) == 2
    assert len(list(made)) == len(made) == 25


def test_an_epoch_is_as_long_at_any_allocation():
    lengths = {len(sampler(sets, num_images=100)) for sets in ([P] * 100, [P] * 10, [P] * 10 + [I] * 90, [S] * 3)}
    assert lengths == {25}


def test_a_pass_shows_each_image_once_before_any_twice():
    seen = [image for epoch in range(2) for batch in sampler([P] * 10, num_images=25, epoch=epoch) for image in batch]
    for start in range(0, 50, 10):
        assert sorted(seen[start : start + 10]) == list(range(10))


@pytest.mark.parametrize("world_size", [2, 4])
def test_processes_share_the_batches_that_one_process_would_see(world_size):
    sets = [P] * 13 + [B] * 30 + [I] * 21
    one = list(sampler(sets, epoch=3, batch_size=8))
    many = [
        list(sampler(sets, rank=r, world_size=world_size, epoch=3, batch_size=8 // world_size))
        for r in range(world_size)
    ]
    for step, batch in enumerate(one):
        assert batch == [image for process in many for image in process[step]]


def test_order_depends_on_seed_and_epoch_alone():
    sets = [P] * 20 + [B] * 20
    assert list(sampler(sets, seed=1)) == list(sampler(sets, seed=1))
    assert list(sampler(sets, seed=1)) != list(sampler(sets, seed=2))
    assert list(sampler(sets, epoch=1)) != list(sampler(sets, epoch=0))


def test_explicit_shares_are_kept():
    drawn = Counter(image < 10 for batch in sampler([P] * 10 + [B] * 90, shares={"P": 1, "B": 3}) for image in batch)
    assert drawn == {True: 25, False: 75}


def test_a_set_without_a_share_is_never_drawn():
    drawn = {image for batch in sampler([P] * 10 + [B] * 90, shares={"P": 1, "B": 0}) for image in batch}
    assert max(drawn) < 10


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"P": 0.5}, r"batch_sampler: shares: wanted a share for B, got P"),
        ({"P": 0.5, "B": 0.3, "S": 0.2}, r"shares\.S: wanted images that own it, got none"),
        ({"P": -1, "B": 2}, r"shares\.P: wanted a share >= 0, got -1"),
        ({"P": float("nan"), "B": 2}, r"shares\.P: wanted a share >= 0, got nan"),
        ({"P": 0, "B": 0}, r"shares: wanted one above 0, got P=0, B=0"),
    ],
)
def test_shares_that_do_not_fit_are_named(shares, message):
    with pytest.raises(InputError, match=message):
        sampler([P] * 5 + [B] * 5, shares=shares)


def test_a_data_set_without_a_label_is_refused():
    with pytest.raises(InputError, match=r"a\.json: assignment: wanted at least one image that owns a label, got none"):
        sampler([], num_images=5)


def test_other_data_sets_are_refused():
    with pytest.raises(InputError, match="wanted a MixedLabelDataset, got list"):
        LabelShareBatchSampler(SimpleNamespace(dataset=[1]), 2)
