import numpy as np

from cqb_core.scenes import STUFF
from cqb_core.scenes.stuff import LAYERS, LOOKS, PATCHES, lay_out, paint


def layouts(count):
    return [lay_out(np.random.default_rng(seed), 60, 80) for seed in range(count)]


def test_scenes_name_known_stuff():
    assert {name for layers in LAYERS for name in layers} == set(STUFF) == set(LOOKS)
    assert {name for guests in PATCHES.values() for name in guests} | set(PATCHES) <= set(STUFF)


def test_every_class_occurs_and_most_scenes_show_at_least_three():
    drawn = layouts(60)
    present = [np.unique(layout) for layout in drawn]
    assert set(np.concatenate(present)) == set(range(len(STUFF)))
    assert np.mean([len(p) >= 3 for p in present]) > 0.8
    assert all(layout.shape == (60, 80) for layout in drawn)


def test_sky_is_above_what_it_shares_a_scene_with():
    sky = STUFF.index("sky")
    for layout in layouts(30):
        if sky in layout:
            rows = np.arange(60)[:, None] * np.ones(80)
            assert rows[layout == sky].mean() < rows[layout != sky].mean()


def test_borders_are_wavy():
    layout = next(layout for layout in layouts(20) if STUFF.index("hill") in layout[5:] and layout[0, 0] == 0)
    assert len(set((layout == 0).sum(axis=0))) > 4


def test_colours_of_classes_overlap():
    colours = {name: [] for name in STUFF}
    for seed in range(40):
        layout = lay_out(np.random.default_rng(seed), 48, 64)
        canvas = paint(np.random.default_rng(seed), layout)
        for index in np.unique(layout):
            colours[STUFF[index]].append(canvas[layout == index].mean(axis=0))
    for first, second in (("sky", "water"), ("road", "wall"), ("sand", "wall"), ("hill", "grass")):
        a, b = np.array(colours[first]), np.array(colours[second])
        apart = np.linalg.norm(a[:, None] - b, axis=-1).min(axis=1)
        assert np.median(apart) < 35, (first, second)
