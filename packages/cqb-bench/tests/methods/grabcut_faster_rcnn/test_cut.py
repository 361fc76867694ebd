import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_bench.methods.grabcut_faster_rcnn.cut import Cut, GrabCut, pixels_of


def disc(height=60, width=80, centre=(30, 40), radius=14, seed=0):
    """A reddish disc on a bluish ground, both noisy, and its mask."""
    y, x = np.mgrid[:height, :width]
    mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    colours = np.where(mask[..., None], [190, 60, 50], [50, 90, 180]) + noise
    return colours.clip(0, 255).astype(np.uint8), mask


def box_of(mask):
    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


def test_a_disc_in_its_box_is_found_and_its_corners_are_not():
    image, truth = disc()
    cut = GrabCut()(image, box_of(truth))
    assert cut.outcome == "cut"
    assert overlap(cut.paint(60, 80), truth) > 0.97


def test_a_square_without_noise_in_a_wide_box_is_found_exactly():
    image = np.full((40, 50, 3), (200, 180, 20), np.uint8)
    image[10:26, 12:30] = (10, 20, 160)
    truth = np.zeros((40, 50), bool)
    truth[10:26, 12:30] = True
    cut = GrabCut()(image, [8, 7, 33, 30])
    np.testing.assert_array_equal(cut.paint(40, 50), truth)


def test_nothing_outside_the_box():
    image, truth = disc()
    x0, y0, x1, y1 = box_of(truth)
    mask = GrabCut()(image, [x0, y0, x0 + (x1 - x0) // 2, y1]).paint(60, 80)
    assert mask.any()
    assert not mask[:, x0 + (x1 - x0) // 2 :].any()


def test_the_same_whatever_was_drawn_before():
    random = np.random.default_rng(1)
    patches = np.kron(random.integers(0, 255, (12, 12, 3)), np.ones((5, 5, 1))) + random.normal(0, 20, (60, 60, 3))
    image, masks = patches.clip(0, 255).astype(np.uint8), []
    for before in range(6):
        cv2.setRNGSeed(before)
        masks.append(GrabCut(least=0.0)(image, [10, 10, 50, 50]).paint(60, 60))
    assert all((mask == masks[0]).all() for mask in masks)


def test_the_colour_models_start_from_the_seed(monkeypatch):
    seeds = []
    monkeypatch.setattr(cv2, "setRNGSeed", seeds.append)
    image, truth = disc()
    GrabCut(seed=7)(image, box_of(truth))
    assert seeds == [7]


def test_large_boxes_are_cut_at_a_smaller_scale(monkeypatch):
    image, truth = disc(240, 320, (120, 160), 70)
    sizes, grab = [], cv2.grabCut

    def spy(window, *rest):
        sizes.append(window.shape[:2])
        return grab(window, *rest)

    monkeypatch.setattr(cv2, "grabCut", spy)
    for side in (64, 1000):
        assert overlap(GrabCut(side=side)(image, box_of(truth)).paint(240, 320), truth) > 0.93
    assert max(sizes[0]) == 64
    assert sizes[1] == (240, 2 * 70 + 139)  # the window is the box and half as much on each side, within the image


def test_how_far_the_background_is_looked_at(monkeypatch):
    windows, grab = [], cv2.grabCut

    def spy(window, known, *rest):
        windows.append((window.shape[:2], int((known != cv2.GC_BGD).sum())))
        return grab(window, known, *rest)

    monkeypatch.setattr(cv2, "grabCut", spy)
    image, _ = disc(200, 200, (100, 100), 30)
    GrabCut(context=0.25)(image, [80, 60, 120, 140])
    GrabCut(context=0.0)(image, [80, 60, 120, 140])
    GrabCut(context=0.25)(image, [0, 0, 40, 80])
    assert windows == [((120, 60), 3200), ((96, 56), 3200), ((100, 50), 3200)]


@pytest.mark.parametrize(("box", "reason"), [
    ([10, 10, 12, 12], "thin"),
    ([5, 5, 5, 30], "thin"),
    ([90, 10, 120, 30], "thin"),
    ([0, 0, 80, 60], "alone"),
    ([2, 2, 22, 22], "nothing"),
])  # fmt: skip
def test_what_cannot_be_cut_stays_a_filled_box(box, reason):
    image = np.full((60, 80, 3), 128, np.uint8)
    cut = GrabCut()(image, box)
    assert cut.outcome == reason
    rows, columns = pixels_of(box, 60, 80)
    filled = np.zeros((60, 80), bool)
    filled[rows, columns] = True
    np.testing.assert_array_equal(cut.paint(60, 80), filled)


def test_a_cut_that_keeps_too_little_has_failed():
    image, truth = disc(radius=5)
    wide = [20, 10, 60, 50]
    share = truth.sum() / 1600
    assert GrabCut(core=0.0, least=share * 1.2)(image, wide).outcome == "nothing"
    assert GrabCut(core=0.0, least=share * 0.8)(image, wide).outcome == "cut"


@pytest.mark.parametrize(("core", "rows", "columns"), [
    (0.0, slice(0, 0), slice(0, 0)),
    (0.25, slice(30, 50), slice(35, 65)),
    (0.81, slice(22, 58), slice(23, 77)),
])  # fmt: skip
def test_the_middle_of_the_box_is_surely_foreground(monkeypatch, core, rows, columns):
    given, grab = [], cv2.grabCut
    monkeypatch.setattr(
        cv2, "grabCut", lambda image, known, *rest: [given.append(known.copy()), grab(image, known, *rest)]
    )
    image, _ = disc(100, 100, (40, 50), 15)
    mask = GrabCut(core=core, context=100.0, least=0.0)(image, [20, 20, 80, 60]).paint(100, 100)
    known = np.full((100, 100), cv2.GC_BGD)
    known[20:60, 20:80] = cv2.GC_PR_FGD
    known[rows, columns] = cv2.GC_FGD
    np.testing.assert_array_equal(given[0], known)
    assert mask[rows, columns].all()


def test_the_middle_keeps_a_thing_that_looks_like_its_ground():
    """Two halves, one in the colour of the ground: without a middle GrabCut gives that half away."""
    image, _ = disc(radius=0)
    truth = np.zeros((60, 80), bool)
    truth[15:45, 20:60] = True
    image[15:45, 40:60] = np.array([190, 60, 50]) + np.random.default_rng(1).normal(0, 12, (30, 20, 3)).clip(-40, 40)
    seeded, open_ = (GrabCut(core=core, least=0.0)(image, box_of(truth)).paint(60, 80) for core in (0.4, 0.0))
    assert not open_[:, :38].any()
    assert overlap(seeded, truth) > overlap(open_, truth) + 0.1


@settings(deadline=None)
@given(
    rows=st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted),
    columns=st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted),
    seed=st.integers(0, 99),
)
def test_masks_are_kept_bit_by_bit(rows, columns, seed):
    inside = np.random.default_rng(seed).random((rows[1] - rows[0], columns[1] - columns[0])) < 0.5
    whole = np.zeros((9, 12), bool)
    whole[slice(*rows), slice(*columns)] = inside
    np.testing.assert_array_equal(Cut.of(slice(*rows), slice(*columns), inside).paint(9, 12), whole)


@given(box=st.tuples(*[st.floats(-20, 40)] * 4))
@settings(deadline=None, max_examples=60)
def test_the_pixels_of_a_box_are_those_whose_centres_it_holds(box):
    height, width = 11, 17
    rows, columns = pixels_of(box, height, width)
    x0, y0, x1, y1 = (round(edge) for edge in box)
    y, x = np.mgrid[:height, :width] + 0.5
    mask = np.zeros((height, width), bool)
    mask[rows, columns] = True
    np.testing.assert_array_equal(mask, (x > x0) & (x < x1) & (y > y0) & (y < y1))


@pytest.mark.parametrize(("options", "message"), [
    ({"iterations": 0}, "iterations: wanted 1 or more, got 0"),
    ({"core": 1.0}, "core: wanted a share of the box's area from 0 to below 1, got 1.0"),
    ({"core": -0.1}, "core: wanted a share of the box's area from 0 to below 1, got -0.1"),
    ({"context": -0.5}, "context: wanted a share of the box's side, 0 or more, got -0.5"),
    ({"side": 3}, "side: wanted 16 pixels or more, got 3"),
    ({"least": 1.0}, "least: wanted a share of the box from 0 to below 1, got 1.0"),
])  # fmt: skip
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        GrabCut(**options)
