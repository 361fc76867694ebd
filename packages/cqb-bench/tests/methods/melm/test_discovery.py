"""Scores of cliques by hand."""

import pytest
import torch

from cqb_bench.methods.melm.discovery import discover

BOXES = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]])
"""The first two make a clique at 0.7."""

PHI = torch.tensor([[0.3, 0.1], [0.2, 0.2], [0.4, 0.0]])
ONE = torch.zeros(3, dtype=torch.long)


def test_a_tag_scores_the_purity_of_its_cliques_times_their_scores():
    """{0, 1}: (0.3 + 0.2) x (0.75 + 0.5) / 2 = 0.3125; {2}: 0.4 x 1. The other class is the sum of its column."""
    found = discover(PHI, BOXES, ONE, torch.tensor([[True, False]]))
    assert found.scores[0].tolist() == pytest.approx([0.7125, 0.3])
    assert found.members.tolist() == [[False, False], [False, False], [True, False]]


def test_a_clique_of_several_beats_a_better_proposal_alone():
    """Of the second class {1, 0} has 0.3 x (0.5 + 0.25) / 2 = 0.1125, the third proposal nothing."""
    found = discover(PHI, BOXES, ONE, torch.tensor([[False, True]]))
    assert found.scores[0].tolist() == pytest.approx([0.9, 0.1125])
    assert found.members[:, 1].tolist() == [True, True, False]
    apart = discover(PHI, BOXES, ONE, torch.tensor([[False, True]]), iou=0.95)
    assert apart.scores[0, 1].item() == pytest.approx(0.2 * 0.5 + 0.1 * 0.25)
    assert apart.members[:, 1].tolist() == [False, True, False]


def test_only_the_best_make_cliques():
    found = discover(PHI, BOXES, ONE, torch.tensor([[True, False]]), top=2)
    assert found.scores[0, 0].item() == pytest.approx(0.4 + 0.3 * 0.75)


def test_images_are_told_apart_and_may_lack_proposals():
    image = torch.tensor([1, 1, 2])
    tags = torch.tensor([[True, True], [True, False], [False, True]])
    found = discover(PHI, BOXES, image, tags)
    torch.testing.assert_close(found.scores, torch.tensor([[0.0, 0.0], [0.3125, 0.3], [0.4, 0.0]]))
    assert found.members.tolist() == [[True, False], [True, False], [False, True]]
    empty = discover(PHI[:0], BOXES[:0], ONE[:0], tags)
    assert empty.scores.sum() == 0


def test_the_purity_has_no_gradient():
    phi = PHI.clone().requires_grad_()
    discover(phi, BOXES, ONE, torch.tensor([[True, False]])).scores[0, 0].backward()
    torch.testing.assert_close(phi.grad, torch.tensor([[0.625, 0.0], [0.625, 0.0], [1.0, 0.0]]))
