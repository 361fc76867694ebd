import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.cls2pixel import IGNORE, DenseCrf, Reliability, normalised, reliable, reliable_labels

REFERENCE = Path(os.environ.get("CQB_REFERENCE", Path(__file__).resolve().parents[4].parent / "shared" / "reference"))
CALM = DenseCrf(gaussian_weight=0.0, bilateral_weight=0.0)
"""A CRF without edges: its probabilities are the normalised scores."""


def rrm_inputs(seed=6, h=64, w=80):
    """The recipe behind the reference's counts: two discs, their activations, and a class that the tags deny."""
    rs = np.random.RandomState(seed)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    image = np.zeros((h, w, 3), np.float32) + np.array([60, 120, 60])
    one = ((x - 25) / 14) ** 2 + ((y - 30) / 18) ** 2
    two = ((x - 58) / 12) ** 2 + ((y - 36) / 15) ** 2
    image[one < 1], image[two < 1] = [200, 60, 40], [40, 60, 210]
    image = np.clip(image + rs.randint(-12, 13, image.shape), 0, 255).astype(np.float32)
    maps = np.zeros((20, h, w), np.float32)
    maps[4], maps[9], maps[13] = np.exp(-one * 1.2), np.exp(-two * 1.0) * 1.7, rs.rand(h, w)
    tags = np.zeros(20, bool)
    tags[[4, 9]] = True
    image = np.ascontiguousarray(image.transpose(2, 0, 1))
    return tuple(torch.from_numpy(array)[None] for array in (maps, image, tags))


def counts(labels):
    return dict(zip(*(part.tolist() for part in labels.unique(return_counts=True)), strict=True))


COUNTS = {0: 393, 5: 591, 10: 507, 255: 3629}
RUNS = [[255, 14], [5, 23], [255, 11], [10, 21], [255, 11]]


def test_public_labels_with_background():
    """background=(4, 32) restores them, to 1 % of each count and along a row."""
    labels = reliable_labels(*rrm_inputs(), Reliability(background=(4.0, 32.0)))
    ours = counts(labels)
    assert ours.keys() == COUNTS.keys()
    for label, count in COUNTS.items():
        assert ours[label] == pytest.approx(count, rel=0.01)
    values, lengths = torch.unique_consecutive(labels[0, 32], return_counts=True)
    assert values.tolist() == [value for value, _ in RUNS]
    assert (lengths - torch.tensor([length for _, length in RUNS])).abs().max() <= 1


def test_the_counts_above_are_the_reference_s():
    path = REFERENCE / "oracles.json"
    if not path.is_file():
        pytest.skip("no oracles.json: set CQB_REFERENCE to its folder")
    result = json.loads(path.read_text())["oracles"]["rrm_compute_seg_label"]["result"]
    assert {int(label): count for label, count in result["counts"].items()} == COUNTS
    assert result["row32_run_lengths"] == RUNS


def test_without_background_sure_pixels_are_of_present_classes():
    maps, image, tags = rrm_inputs()
    labels = reliable_labels(maps, image, tags)
    assert set(counts(labels)) == {4, 9, IGNORE}
    assert labels[0, 30, 25] == 4
    assert labels[0, 36, 58] == 9
    assert labels[0, 0, 0] == IGNORE


def obvious(maps, tags, rule):
    """Without edges: loops over images, classes and pixels."""
    maps = normalised(maps)
    labels = torch.full((len(maps), *maps.shape[2:]), IGNORE)
    for number in range(len(maps)):
        classes = tags[number].nonzero().flatten().tolist()
        if not classes:
            continue
        values = maps[number, classes]
        own = values.argmax(0)
        probabilities = values.clamp(1e-5, 1) / values.clamp(1e-5, 1).sum(0)
        for slot, name in enumerate(classes):
            ranked = sorted(v.item() for v in values[slot][own == slot] if v > rule.floor)
            if not ranked:
                continue
            least = ranked[min(int(len(ranked) * (1 - rule.top)), len(ranked) - 1)]
            sure = (own == slot) & (values[slot] > least) & (probabilities.amax(0) >= rule.confidence)
            labels[number][sure] = name
    return labels


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.4, 1.0]), st.sampled_from([0.0, 0.5, 0.8]))
def test_without_edges_labels_equal_loops(seed, top, confidence):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(3, 4, 5, 6, generator=generator, dtype=torch.float64)
    tags = torch.rand(3, 4, generator=generator) < 0.5
    rule = Reliability(top=top, confidence=confidence, crf=CALM)
    labels = reliable_labels(maps, torch.zeros(3, 3, 5, 6), tags, rule)
    assert torch.equal(labels, obvious(maps, tags, rule))


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(4)), st.booleans(), st.integers(0, 1000))
def test_permutations_of_classes_and_images(order, swapped, seed):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(2, 4, 6, 8, generator=generator)
    image, tags = torch.rand(2, 3, 6, 8, generator=generator) * 255, torch.rand(2, 4, generator=generator) < 0.6
    images, order = [1, 0] if swapped else [0, 1], list(order)
    rule = Reliability(confidence=0.5)
    named = torch.cat([torch.tensor(order), torch.full((IGNORE - 3,), IGNORE)])
    moved = reliable_labels(maps[images][:, order], image[images], tags[images][:, order], rule)
    assert (named[moved] == reliable_labels(maps, image, tags, rule)[images]).float().mean() > 0.95


def test_known_and_padding_pixels_are_ignored():
    maps, image, tags = rrm_inputs()
    free = reliable_labels(maps, image, tags)
    known = torch.zeros(1, 64, 80, dtype=torch.bool)
    known[:, :, :40] = True
    out = reliable_labels(maps, image, tags, known=known)
    assert torch.equal(out, free.masked_fill(known, IGNORE))
    assert reliable_labels(maps, image, tags, valid=~known)[known].eq(IGNORE).all()
    cut = reliable_labels(maps, image, tags, valid=~known)
    assert (cut == 9).any()
    assert torch.equal(reliable_labels(maps + 100 * known, image, tags, valid=~known), cut)


@pytest.mark.parametrize("background", [None, (4.0, 32.0)])
def test_no_tags_no_maps_no_images(background):
    rule = Reliability(background=background)
    maps, image = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5) * 255
    tags = torch.tensor([[True, False, True], [False, False, False]])
    assert reliable_labels(maps, image, tags, rule)[1].eq(IGNORE).all()
    assert reliable_labels(maps * 0, image, tags, rule).shape == (2, 4, 5)
    assert set(counts(reliable_labels(maps * 0, image, tags, rule))) <= {0, IGNORE}
    assert reliable_labels(maps[:0], image[:0], tags[:0], rule).shape == (0, 4, 5)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"tags": torch.ones(1, 4).bool()}, ValueError, r"tags: wanted shape \(b=1, s=3\), got \(1, 4\)"),
        ({"tags": torch.ones(1, 3)}, TypeError, "tags: wanted bool, got torch.float32"),
        (
            {"image": torch.zeros(1, 3, 4, 6)},
            ValueError,
            r"image: wanted shape \(b=1, 3, h=4, w=5\), got \(1, 3, 4, 6\)",
        ),
        (
            {"maps": torch.full((1, 3, 4, 5), torch.inf)},
            ValueError,
            r"maps: wanted finite numbers, got inf at \(0, 0, 0, 0\)",
        ),
        ({"known": torch.ones(1, 4, 5)}, TypeError, "known: wanted bool, got torch.float32"),
        (
            {"maps": torch.zeros(1, 0, 4, 5), "tags": torch.ones(1, 0).bool()},
            ValueError,
            "maps: wanted at least one class",
        ),
        ({"image": torch.zeros(1, 3, 4, 5, device="meta")}, ValueError, "one device, got .*image on meta"),
    ],
)
def test_bad_arguments(changed, error, message):
    """By the checks alone: the tests' own type checker would come first."""
    given = {"maps": torch.zeros(1, 3, 4, 5), "image": torch.zeros(1, 3, 4, 5), "tags": torch.ones(1, 3).bool()}
    given = {**given, "known": None, "valid": None, **changed}
    with pytest.raises(error, match=message):
        reliable._check(**given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1.5}, "confidence: wanted a number from 0.0 to 1.0, got 1.5"),
        ({"top": -0.1}, "top: wanted a number from 0.0 to 1.0, got -0.1"),
        ({"background": (32.0, 4.0)}, r"background: wanted two positive, ascending exponents, got \(32.0, 4.0\)"),
    ],
)
def test_bad_rules(options, message):
    with pytest.raises(ValueError, match=message):
        Reliability(**options)
