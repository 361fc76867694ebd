import numpy as np
import pytest

from cqb_core.errors import InputError
from cqb_core.evaluation import bootstrap
from cqb_core.evaluation.bootstrap import pq_difference, pq_interval
from cqb_core.evaluation.contributions import Contributions, group_quality
from cqb_core.evaluation.panoptic_quality import PanopticQuality


def random_values(rng, images=40, quality=0.7):
    """Contributions of an imagined model on four classes, n 4 4: some images hold a class, some matches fail."""
    shown = rng.random((images, 4)) < 0.6
    tp = (rng.random((images, 4)) < quality) & shown
    iou = np.where(tp, rng.uniform(0.5, 1, (images, 4)), 0)
    fp = rng.random((images, 4)) < 0.2
    return np.stack([iou, tp, fp, shown & ~tp], axis=-1).astype(float)


def scored(taxonomy, values, image_ids=None):
    ids = tuple(range(len(values))) if image_ids is None else tuple(image_ids)
    categories = tuple(c.id for c in taxonomy.categories)
    return PanopticQuality.from_contributions(taxonomy, Contributions(ids, categories, values))


def test_equals_a_loop_over_resamples(taxonomy, monkeypatch):
    monkeypatch.setattr(bootstrap, "CHUNK", 300)
    first, second = (random_values(np.random.default_rng(seed)) for seed in (1, 2))
    rng, draws = np.random.default_rng(7), []
    for _ in range(50):
        chosen = rng.integers(40, size=40)
        pq = [group_quality(values[chosen].sum(axis=0)[2:])[0] for values in (first, second)]
        draws.append((pq[0], pq[0] - pq[1]))
    ends = np.quantile(np.array(draws), [0.05, 0.95], axis=0)
    ours, theirs = scored(taxonomy, first), scored(taxonomy, second)
    alone = pq_interval(ours, "stuff", np.random.default_rng(7), 50, 0.9)
    both = pq_difference(ours, theirs, "stuff", np.random.default_rng(7), 50, 0.9)
    assert (alone.low, alone.high) == pytest.approx(ends[:, 0], abs=1e-12)
    assert (both.low, both.high) == pytest.approx(ends[:, 1], abs=1e-12)
    assert alone.estimate == ours.result().stuff.pq
    assert both.estimate == pytest.approx(ours.result().stuff.pq - theirs.result().stuff.pq, abs=1e-15)
    assert alone.low < alone.estimate < alone.high
    assert (alone.level, alone.resamples) == (0.9, 50)


def test_the_interval_covers_the_population(taxonomy):
    population = random_values(np.random.default_rng(0), 20000)
    target = group_quality(population.sum(axis=0))[0]
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        sample = population[rng.choice(len(population), 60)]
        interval = pq_interval(scored(taxonomy, sample), "all", rng, 200, 0.9)
        covered += interval.low <= target <= interval.high
    assert 0.83 <= covered / 200 <= 0.96


def test_a_model_differs_from_itself_by_exactly_nothing(taxonomy):
    values = random_values(np.random.default_rng(3))
    order = np.random.default_rng(4).permutation(len(values))
    ours, shuffled = scored(taxonomy, values), scored(taxonomy, values[order], order.tolist())
    for group in ("all", "things", "stuff"):
        difference = pq_difference(ours, shuffled, group, np.random.default_rng(5))
        assert (difference.estimate, difference.low, difference.high) == (0, 0, 0)


def test_pairing_shrinks_the_interval_of_a_difference(taxonomy):
    first = random_values(np.random.default_rng(6), 200)
    second = first.copy()
    second[:10, :, 0] *= 0.9
    ours, theirs = scored(taxonomy, first), scored(taxonomy, second)
    alone = pq_interval(ours, "all", np.random.default_rng(0))
    paired = pq_difference(ours, theirs, "all", np.random.default_rng(0))
    assert 0 < paired.low < paired.estimate < paired.high
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)


def test_resamples_without_the_group_are_left_out_and_counted(taxonomy):
    values = np.zeros((3, 4, 4))
    values[0, 0] = (0.8, 1, 0, 0)
    interval = pq_interval(scored(taxonomy, values), "things", np.random.default_rng(0), 500)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((0.8, 0.8, 0.8), abs=1e-15)
    # An image is absent from a resample of three with chance (2/3)**3 = 0.296.
    assert 320 < interval.resamples < 385


def test_faults_are_named(taxonomy):
    rng = np.random.default_rng(0)
    one = scored(taxonomy, random_values(rng, 3))
    with pytest.raises(InputError, match="resamples: wanted at least 1, got 0"):
        pq_interval(one, "all", rng, 0)
    with pytest.raises(InputError, match=r"level: wanted a share in \(0, 1\), got 1.0"):
        pq_interval(one, "all", rng, level=1.0)
    with pytest.raises(InputError, match="group 'things': wanted images that hold one of its classes, got none"):
        pq_interval(scored(taxonomy, np.zeros((3, 4, 4))), "things", rng)
    with pytest.raises(InputError, match="images: wanted at least one scored image, got 0"):
        pq_interval(PanopticQuality(taxonomy), "all", rng)
    other = scored(taxonomy, random_values(rng, 3), (0, 1, 9))
    with pytest.raises(InputError, match="same images, got 2 that only one has, such as 2 of the first"):
        pq_difference(one, other, "all", rng)
