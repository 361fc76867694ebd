import numpy as np
import pytest

from cqb_core.scenes import THINGS
from cqb_core.scenes.figures import coverage
from cqb_core.scenes.shapes import FAMILIES, Part, outline


def filled(parts):
    """The share of its box that a thing of 60 px covers."""
    mask = coverage([Part(part.points * 60 + 60, part.paint) for part in parts], 120, 120) >= 128
    rows, columns = np.nonzero(mask)
    return mask.sum() / (np.ptp(rows) + 1) / (np.ptp(columns) + 1)


@pytest.mark.parametrize("thing", THINGS)
def test_a_box_is_a_poor_mask(thing):
    shares = [filled(outline(np.random.default_rng(seed), thing.family, thing.name)) for seed in range(20)]
    assert 0.35 < np.mean(shares) < 0.72
    assert np.std(shares) > 0.005


@pytest.mark.parametrize("family", FAMILIES)
def test_outlines_stay_in_their_frame_and_vary(family):
    drawn = [np.concatenate([p.points for p in outline(np.random.default_rng(i), family, None)]) for i in range(30)]
    assert max(np.abs(points).max() for points in drawn) < 0.85
    assert min(np.ptp(points, axis=0).min() for points in drawn) > 0.4
    assert not np.allclose(drawn[0].mean(axis=0), drawn[1].mean(axis=0))


@pytest.mark.parametrize("thing", THINGS)
def test_a_mark_adds_parts_to_what_twins_share(thing):
    plain = outline(np.random.default_rng(3), thing.family, None)
    marked = outline(np.random.default_rng(3), thing.family, thing.name)
    assert len(marked) > len(plain)
    assert [part.paint for part in marked[: len(plain)]] == [part.paint for part in plain]
