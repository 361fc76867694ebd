"""Tags alone teach where things are: CorLoc on drawn images, of which a detector saw three with boxes."""

from statistics import mean

import pytest

from cqb_weak.examples.tags_to_boxes import compare


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_coupled_scores_beat_chance_and_uncoupled_ones_and_keep_what_the_detector_knew(seed):
    corloc = compare(seed, ways=("uncoupled", "frozen"))
    chance, initial = corloc["chance"].scores, corloc["initial"].detector
    assert corloc["frozen"].scores > chance + 0.2
    assert corloc["frozen"].scores > corloc["uncoupled"].scores + 0.1
    assert corloc["frozen"].scores > initial - 0.05
    assert corloc["uncoupled"].scores > chance + 0.02
    assert corloc["frozen"].detector == initial


def test_refinement_teaches_the_detector_what_its_boxes_do_not():
    """A detached detector learns from its boxes alone; with refinement from the tags as well."""
    found = [compare(seed, ways=("detached", "detached, refined")) for seed in range(3)]
    assert mean(each["detached, refined"].detector - each["detached"].detector for each in found) > 0.04
