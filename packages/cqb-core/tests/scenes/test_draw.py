import numpy as np
import pytest

from cqb_core.data.panoptic_writing import measure_segments
from cqb_core.scenes import STUFF, TAXONOMY, THINGS, SceneStyle, draw_scene
from cqb_core.scenes.draw import _id_like

SMALL = {"size": (48, 64)}
NAMES = {category.id: category.name for category in TAXONOMY.categories}


def scenes(count, **knobs):
    return [draw_scene(SceneStyle(**{**SMALL, **knobs}), np.random.default_rng(seed)) for seed in range(count)]


def test_the_table_lists_exactly_the_ids_of_the_map():
    for image, panoptic in scenes(20, crowd=0.5):
        assert image.shape == (*panoptic.ids.shape, 3)
        assert all(48 <= side <= 64 for side in panoptic.ids.shape)
        ids = [segment.id for segment in panoptic.segments]
        assert len(ids) == len(set(ids))
        assert set(np.unique(panoptic.ids)) - {0} == set(ids)
        stuff = [s.category_id for s in panoptic.segments if s.category_id > 100]
        assert len(stuff) == len(set(stuff))
        assert all(s.category_id <= 100 for s in panoptic.segments if s.iscrowd)


def test_ids_look_like_their_category():
    colors = {category.id: category.color for category in TAXONOMY.categories}
    for segment in scenes(1)[0][1].segments:
        rgb = [segment.id % 256, segment.id // 256 % 256, segment.id // 65536]
        assert np.abs(np.array(rgb) - colors[segment.category_id]).max() <= 25


def test_ids_that_are_taken_are_not_drawn_again():
    first = _id_like(np.random.default_rng(0), (10, 20, 30), set())
    assert _id_like(np.random.default_rng(0), (10, 20, 30), {first}) != first


def test_the_same_generator_state_gives_the_same_scene():
    (first, first_map), (second, second_map) = scenes(1)[0], scenes(1)[0]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first_map.ids, second_map.ids)
    assert first_map.segments == second_map.segments


def void_share(**knobs):
    return np.mean([(panoptic.ids == 0).mean() for _, panoptic in scenes(15, **knobs)])


def test_a_small_share_is_void_and_the_knob_rules_it():
    assert 0.003 < void_share() < 0.06
    assert void_share(void=0.0) < 0.005
    assert void_share(void=0.8) > 2 * void_share()


def test_crowds_are_labelled_as_such():
    def share(crowd):
        return np.mean([any(s.iscrowd for s in panoptic.segments) for _, panoptic in scenes(10, crowd=crowd)])

    assert share(0.0) == 0
    assert share(1.0) > 0.6


def test_noise_roughens_the_picture():
    def roughness(noise):
        return np.mean([np.abs(np.diff(image.astype(int), axis=1)).mean() for image, _ in scenes(6, noise=noise)])

    assert roughness(1.0) > roughness(0.5) > roughness(0.0)


def test_no_things_when_none_are_asked_for():
    for _, panoptic in scenes(5, things=(0, 0), crowd=0.0):
        assert all(NAMES[segment.category_id] in STUFF for segment in panoptic.segments)


def surrounding_stuff(panoptic, box, segment_id):
    """The stuff with most pixels in a frame around a thing."""
    left, top, right, bottom = box
    frame = panoptic.ids[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3]
    stuff = {s.id: s.category_id for s in panoptic.segments if s.category_id > 100}
    counts = {name: (frame == segment_id).sum() for segment_id, name in stuff.items()}
    return NAMES[max(counts, key=counts.get)]


@pytest.mark.parametrize(("coherence", "least", "most"), [(1.0, 0.6, 1.0), (0.0, 0.0, 0.3)])
def test_the_map_shows_things_at_home_as_far_as_coherence_says(coherence, least, most):
    homes = {thing.name: thing.home for thing in THINGS}
    at_home = []
    for _, panoptic in scenes(20, coherence=coherence, occlusion=0.0, crowd=0.0):
        measured = measure_segments(panoptic.ids)
        for segment in panoptic.segments:
            if segment.category_id <= 100:
                around = surrounding_stuff(panoptic, measured[segment.id][0], segment.id)
                at_home.append(around == homes[NAMES[segment.category_id]])
    assert least <= np.mean(at_home) <= most


def test_mean_colour_does_not_tell_the_class_of_a_thing():
    colours, classes = [], []
    for image, panoptic in scenes(60, crowd=0.0):
        for segment in panoptic.segments:
            if segment.category_id <= 100:
                colours.append(image[panoptic.ids == segment.id].mean(axis=0))
                classes.append(segment.category_id)
    colours, classes = np.array(colours), np.array(classes)
    distance = np.linalg.norm(colours[:, None] - colours, axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (classes[distance.argmin(axis=1)] == classes).mean() < 0.3
