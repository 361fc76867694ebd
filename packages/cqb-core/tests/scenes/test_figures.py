import numpy as np

from cqb_core.scenes import STUFF, THINGS, SceneStyle
from cqb_core.scenes.figures import Figure, _visible, coverage, place_figures
from cqb_core.scenes.shapes import Part
from cqb_core.scenes.stuff import lay_out


def placed(count=60, **knobs):
    """Figures of many scenes, each with the index of the stuff under its centre."""
    style = SceneStyle(size=(48, 64), things=(4, 6), **{"crowd": 0.0, **knobs})
    for seed in range(count):
        rng = np.random.default_rng(seed)
        layout = lay_out(rng, 48, 64)
        for figure in place_figures(rng, style, layout):
            yield figure, int(layout[round(figure.center[1]), round(figure.center[0])])


def mutual_information(pairs):
    """Nats between thing and stuff, less what chance alone shows (the Miller-Madow bias of independent draws)."""
    table = np.zeros((len(THINGS), len(STUFF)))
    for figure, stuff in pairs:
        table[figure.thing, stuff] += 1
    joint = table / table.sum()
    independent = joint.sum(1, keepdims=True) * joint.sum(0)
    seen = joint > 0
    bias = (len(THINGS) - 1) * (len(STUFF) - 1) / (2 * table.sum())
    return (joint[seen] * np.log(joint[seen] / independent[seen])).sum() - bias


def test_incoherent_things_tell_nothing_about_stuff():
    assert abs(mutual_information(placed(coherence=0.0))) < 0.05


def test_half_coherent_things_tell_something():
    assert 0.15 < mutual_information(placed(coherence=0.5)) < 0.8


def test_coherent_things_are_at_home():
    pairs = list(placed(coherence=1.0))
    assert all(THINGS[figure.thing].home == STUFF[stuff] for figure, stuff in pairs)
    assert mutual_information(pairs) > 1.4
    assert {figure.thing for figure, _ in pairs} == set(range(len(THINGS)))


def overlap(**knobs):
    """Mean share of figures that overlap one earlier in their scene."""
    hits = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        figures = place_figures(rng, SceneStyle(things=(4, 4), crowd=0.0, **knobs), lay_out(rng, 96, 96))
        hits += [any((a.mask & b.mask).any() for b in figures[:i]) for i, a in enumerate(figures)]
    return np.mean(hits)


def test_occlusion_makes_things_overlap():
    assert overlap(occlusion=0.9) > overlap(occlusion=0.0) + 0.15


def test_scale_makes_things_larger():
    def mean_size(scale):
        return np.mean([figure.mask.sum() for figure, _ in placed(count=15, scale=scale)])

    assert mean_size(1.5) > 1.6 * mean_size(0.8)


def test_a_flock_is_one_figure_of_many_outlines():
    crowds = [figure for figure, _ in placed(count=8, crowd=1.0) if figure.iscrowd]
    assert len(crowds) > 3
    assert all(6 <= len(figure.outlines) <= 12 for figure in crowds)
    assert not any(figure.iscrowd for figure, _ in placed(count=8, crowd=0.0))


def square(thing, left, right, y):
    mask = np.zeros((20, 20), bool)
    mask[4:16, left:right] = True
    return Figure(thing, ((),), (0.0, y), 10.0, mask)


def test_what_nearer_things_hide_is_left_out():
    far, middle, near = square(0, 2, 12, 1.0), square(1, 3, 13, 2.0), square(2, 2, 12, 3.0)
    assert [figure.thing for figure in _visible([far, middle, near])] == [2]
    beside = square(1, 9, 19, 2.0)
    assert [figure.thing for figure in _visible([far, beside, near])] == [1, 2]
    assert _visible([]) == []


def test_figures_come_from_far_to_near_and_are_seen():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        figures = place_figures(rng, SceneStyle(), lay_out(rng, 96, 96))
        assert [f.center[1] for f in figures] == sorted(f.center[1] for f in figures)
        owner = np.full((96, 96), -1)
        for index, figure in enumerate(figures):
            owner[figure.mask] = index
        assert all((owner == index).sum() >= 16 for index in range(len(figures)))


def test_coverage_of_a_rectangle_is_full_inside_and_none_outside():
    corners = np.array([[2.0, 3.0], [7.0, 3.0], [7.0, 5.0], [2.0, 5.0]])
    alpha = coverage([Part(corners, "body")], 10, 10)
    assert (alpha[3:6, 2:8] >= 128).all()
    assert alpha.astype(int).sum() - alpha[2:7, 1:9].astype(int).sum() == 0
