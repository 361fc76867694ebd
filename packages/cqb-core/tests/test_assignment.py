import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_core import Assignment, InputError, Labels, assign, parse_allocation
from cqb_core.assignment import largest_remainder

P, I, B, S = Labels.PANOPTIC, Labels.IMAGE, Labels.BOX, Labels.STUFF  # noqa: E741 the paper's letters
O6 = {P: 0.29, I: 0.355, B: 0.29, S: 0.065}
shares = st.lists(st.integers(0, 20), min_size=4, max_size=4).filter(any)


def allocation(weights):
    return {owned: weight / sum(weights) for owned, weight in zip((P, I, B, S), weights, strict=True)}


def test_counts_of_the_papers_o6_on_coco_are_exact():
    counts = largest_remainder(O6, 118_287)
    assert counts == {P: 34303, I: 41992, B: 34303, S: 7689}
    assert sum(counts.values()) == 118_287


def test_the_largest_remainders_get_the_images_that_are_left():
    assert largest_remainder({P: 0.26, I: 0.34, B: 0.4}, 10) == {P: 3, I: 3, B: 4}
    assert largest_remainder({P: 0.5, I: 0.5}, 3) == {P: 2, I: 1}


@settings(deadline=None)
@given(shares, st.integers(0, 300))
def test_every_image_is_listed_once_in_exact_counts(weights, total):
    made = assign(range(total), allocation(weights), seed=1)
    assert sorted(image for images in made.images.values() for image in images) == list(range(total))
    for owned, images in made.images.items():
        assert abs(len(images) - allocation(weights)[owned] * total) < 1
        assert list(images) == sorted(images)


@settings(deadline=None)
@given(shares, st.integers(0, 3), st.integers(1, 20), st.integers(0, 99))
def test_raising_one_share_only_adds_images_to_it(weights, raised, by, seed):
    more = [weight + by * (place == raised) for place, weight in enumerate(weights)]
    total, owned = 240, (P, I, B, S)[raised]
    before, after = (assign(range(total), allocation(w), seed).images[owned] for w in (weights, more))
    assert set(before) <= set(after)


@settings(deadline=None)
@given(st.integers(0, 10), st.integers(0, 10))
def test_panoptic_images_depend_on_their_share_alone(boxes, tags):
    rest = {B: 0.7 * boxes / (boxes + tags + 1), I: 0.7 * tags / (boxes + tags + 1), S: 0.7 / (boxes + tags + 1)}
    assert (
        assign(range(100), {P: 0.3, **rest}, 5).images[P] == assign(range(100), {P: 0.3, Labels(0): 0.7}, 5).images[P]
    )


def test_the_same_seed_gives_the_same_images_whatever_the_order_of_ids():
    forwards, backwards = assign(range(50), O6, 3), assign(range(49, -1, -1), O6, 3)
    assert forwards.images == backwards.images
    assert assign(range(50), O6, 4).images != forwards.images


def test_choices_are_pinned():
    assert assign(range(10), {P: 0.3, B: 0.7}, 0).images == {P: (1, 4, 6), B: (0, 2, 3, 5, 7, 8, 9)}


def test_a_file_comes_back_as_it_was(tmp_path):
    made = assign(range(7), {P: 0.4, B | S: 0.6}, 2, "ab" * 32)
    made.write(tmp_path / "labels.json")
    assert Assignment.read(tmp_path / "labels.json", "ab" * 32) == made
    assert made.labels()[made.images[P][0]] == P


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({P: 0.5, I: 0.43}, r"allocation: shares: wanted a sum of 1, got 0\.93 \(P=0\.5, I=0\.43\)"),
        ({P: 1.2, I: -0.2}, r"allocation: I: wanted a share in \[0, 1\], got -0\.2"),
        ({P: float("nan"), I: 1}, r"allocation: P: wanted a share in \[0, 1\], got nan"),
        ({}, r"wanted a sum of 1, got 0 \(nothing\)"),
    ],
)
def test_shares_that_are_no_allocation_are_named(shares, message):
    with pytest.raises(InputError, match=message):
        assign(range(4), shares, 0)


def test_repeated_ids_are_refused():
    with pytest.raises(InputError, match="wanted each id once, got 1 repetitions"):
        assign([1, 2, 2], {P: 1.0}, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("P=0.5,I", r"wanted LABELS=SHARE pairs such as P=0\.3,I=0\.7, got 'I'"),
        ("P=half,I=0.5", r"got 'P=half'"),
        ("P=0.5,P=0.5", r"wanted each label set once, got P twice"),
        ("P=0.5,Q=0.5", r"got 'Q'"),
        ("P=0.5,I=nan", r"I: wanted a share in \[0, 1\], got nan"),
        ("P=0.5,I=0.4", r"wanted a sum of 1, got 0\.9"),
    ],
)
def test_ratio_texts_that_are_wrong_are_named(text, message):
    with pytest.raises(InputError, match=message):
        parse_allocation(text)


def test_the_papers_ratio_text_is_read():
    assert parse_allocation("P=0.29, I=0.355, B=0.29,S=0.065") == O6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="x"), r"labels\.json: format: wanted 'cqb-assignment', got 'x'"),
        (lambda c: c.update(version=9), r"version: wanted 1, got 9"),
        (lambda c: c.pop("seed"), r"seed: wanted int, got None"),
        (lambda c: c["images"].update(P=["a"]), r"images\.P: wanted a list of image ids"),
        (lambda c: c["images"].update(B=c["images"]["P"]), r"images\.B: wanted each image once, got \d+ under P too"),
        (lambda c: c["allocation"].update(P="1"), r"allocation\.P: wanted a number in \[0, 1\], got '1'"),
        (lambda c: c["allocation"].update(P=float("nan")), r"allocation\.P: wanted a number in \[0, 1\], got nan"),
        (lambda c: c["allocation"].update(P=10**400), r"allocation\.P: wanted a number in \[0, 1\], got 1000"),
        (
            lambda c: c["allocation"].update({"I+B+M+S": 0.1}),
            r"allocation\.I\+B\+M\+S: wanted each label .*, got P again",
        ),
        (
            lambda c: c["images"].update({"S+B": [7], "B+S": [8]}),
            r"images\.B\+S: wanted each label set once, got B\+S ag",
        ),
        (lambda c: c["images"].update(P="012"), r"images\.P: wanted a list of image ids, got '012'"),
        (lambda c: c.update(seed=True), r"seed: wanted int, got True"),
        (lambda c: c["images"].update(Z=[]), r"labels\.json: images\.Z: wanted one of P, .*, got 'Z'"),
    ],
)
def test_broken_files_are_named(tmp_path, change, message):
    path = tmp_path / "labels.json"
    assign(range(4), {P: 0.5, B: 0.5}, 0, "f").write(path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        Assignment.read(path)


def test_another_data_set_is_refused(tmp_path):
    assign(range(4), {P: 1.0}, 0, "a" * 64).write(tmp_path / "labels.json")
    with pytest.raises(InputError, match=r"labels\.json: fingerprint: wanted the data set's bbbbbbbbbbbb, got aaaa"):
        Assignment.read(tmp_path / "labels.json", "b" * 64)
