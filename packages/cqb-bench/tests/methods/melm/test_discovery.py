"""Scores of cliques by hand."""

import math

import pytest
import torch

from cqb_bench.methods.melm.discovery import clique_scores
from cqb_weak.cls2box import mid_scores

BOXES = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]])
"""The first two make a clique at 0.7."""

CLASSES = torch.tensor([[3.0, 1.0], [1.0, 1.0], [1.0, 3.0]]).log()
EVEN = torch.zeros(3, 2)
ONE = torch.zeros(3, dtype=torch.long)
ROOT = math.sqrt(3)


def test_a_clique_speaks_once_with_the_mean_of_its_logits():
    """The mean of log 3 and log 1 is log sqrt 3; either of two cliques has half a say."""
    scores = clique_scores(CLASSES, EVEN, BOXES, ONE, 1)
    first, second = [ROOT / (1 + ROOT), 1 / (1 + ROOT)], [1 / 4, 3 / 4]
    assert scores[0].tolist() == pytest.approx([(a + b) / 2 for a, b in zip(first, second, strict=True)])


def test_how_much_a_clique_says_follows_from_the_mean_of_its_members():
    """Of the first class exp(1) against 1 for the other clique; of the second class half each."""
    proposals = torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    score = clique_scores(CLASSES, proposals, BOXES, ONE, 1)[0, 0].item()
    assert score == pytest.approx((math.e * ROOT / (1 + ROOT) + 1 / 4) / (1 + math.e))


@pytest.mark.parametrize("options", [{"iou": 0.95}, {"top": 1}])
def test_proposals_that_are_alone_are_scored_as_in_wsddn(options):
    proposals = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.5, 0.0]])
    alone = mid_scores(CLASSES, proposals, ONE, 1).sum(0)
    torch.testing.assert_close(clique_scores(CLASSES, proposals, BOXES, ONE, 1, **options)[0], alone)
    assert not torch.allclose(clique_scores(CLASSES, proposals, BOXES, ONE, 1)[0], alone)


def test_the_best_of_any_class_form_cliques():
    """With two of three: the third has the best class, the second the worst."""
    proposals = torch.tensor([[0.0, 0.0], [-1.0, -1.0], [0.0, 0.0]])
    alone = mid_scores(CLASSES, proposals, ONE, 1).sum(0)
    torch.testing.assert_close(clique_scores(CLASSES, proposals, BOXES, ONE, 1, top=2)[0], alone)


def test_images_are_told_apart_and_may_lack_proposals():
    image = torch.tensor([2, 1, 2])
    scores = clique_scores(CLASSES, EVEN, BOXES, image, 3)
    torch.testing.assert_close(scores, torch.tensor([[0.0, 0.0], [0.5, 0.5], [0.5, 0.5]]))
    assert clique_scores(CLASSES[:0], EVEN[:0], BOXES[:0], ONE[:0], 2).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_every_member_of_a_clique_learns_alike():
    logits = CLASSES.clone().requires_grad_()
    clique_scores(logits, EVEN, BOXES, ONE, 1)[0, 0].backward()
    assert logits.grad[0].tolist() == logits.grad[1].tolist()
    assert (logits.grad != 0).all()
