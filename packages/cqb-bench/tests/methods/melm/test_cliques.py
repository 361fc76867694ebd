"""Cliques by hand and against a slow version."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cqb_bench.methods.melm.cliques import cliques


def test_a_member_of_an_earlier_clique_starts_none():
    """1 joins 0; 2 overlaps 1 and not 0, so it starts the next; 3 overlaps 0 and not 1, and joins 2."""
    overlap = np.eye(4)
    for a, b, iou in [(0, 1, 0.8), (1, 2, 0.9), (2, 3, 0.71), (0, 3, 0.7)]:
        overlap[a, b] = overlap[b, a] = iou
    assert cliques(overlap, 0.7).tolist() == [0, 0, 1, 1]
    assert cliques(overlap, 0.85).tolist() == [0, 1, 1, 2]


def test_nothing_makes_no_clique():
    assert cliques(np.zeros((0, 0))).tolist() == []


def slow(overlap, iou):
    left, numbers, count = list(range(len(overlap))), [0] * len(overlap), 0
    while left:
        members = []
        for one in list(left):
            if all(overlap[member][one] >= iou for member in members):
                members.append(one)
                left.remove(one)
                numbers[one] = count
        count += 1
    return numbers


@settings(deadline=None)
@given(arrays(float, (7, 7), elements=st.floats(0, 1)), st.floats(0, 1))
def test_it_is_the_slow_version(overlap, iou):
    assert cliques(overlap, iou).tolist() == slow(overlap, iou)
