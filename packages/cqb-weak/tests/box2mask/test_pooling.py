import math

import pytest
import torch

from cqb_weak.box2mask.pooling import POOLINGS, alpha_softmax, maximum, quasimax

ALL = torch.ones(1, 1, 3, dtype=torch.bool)


def logits_of(*probabilities: float) -> torch.Tensor:
    return torch.logit(torch.tensor(probabilities, dtype=torch.float64))[None, None]


def test_maximum_shares_the_gradient_among_ties():
    z = torch.tensor([[[1.0, 3, 3]]], requires_grad=True)
    maximum(z, ALL, 0.0).sum().backward()
    assert z.grad.tolist() == [[[0, 0.5, 0.5]]]


def test_alpha_softmax_of_drawn_probabilities():
    p = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    weights = (4 * p).exp()
    wanted = (weights * p).sum() / weights.sum()
    assert alpha_softmax(logits_of(0.1, 0.5, 0.9), ALL, 4.0).sigmoid().item() == pytest.approx(wanted.item(), rel=1e-9)


def test_quasimax_of_drawn_probabilities():
    p = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    wanted = (4 * p).exp().mean().log() / 4
    assert quasimax(logits_of(0.1, 0.5, 0.9), ALL, 4.0).sigmoid().item() == pytest.approx(wanted.item(), rel=1e-9)


@pytest.mark.parametrize("name", POOLINGS)
def test_cells_outside_the_bag_have_no_part(name):
    z = torch.tensor([[[0.3, -1.0, 9.0]]], requires_grad=True)
    member = torch.tensor([[[True, True, False]]])
    score = POOLINGS[name](z, member, 4.0)
    assert score.item() == pytest.approx(POOLINGS[name](z[..., :2], member[..., :2], 4.0).item())
    score.sum().backward()
    assert z.grad[0, 0, 2] == 0
    assert z.grad[0, 0, 0] > 0


@pytest.mark.parametrize("name", POOLINGS)
def test_equal_cells_score_what_they_are(name):
    assert POOLINGS[name](torch.full((1, 1, 3), -1.5), ALL, 4.0).item() == pytest.approx(-1.5, rel=1e-5)


@pytest.mark.parametrize("name", ["alpha-softmax", "quasimax"])
def test_a_sharp_pooling_is_the_maximum(name):
    z = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    got = POOLINGS[name](z, ALL, 50.0).sigmoid()
    torch.testing.assert_close(got, z.amax(-1).sigmoid(), atol=math.log(3) / 50 + 1e-9, rtol=0)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("level", [-60.0, 60.0])
def test_sure_cells_give_finite_scores_and_gradients(name, level):
    z = (torch.tensor([[[0.0, 1, 2]]]) + level).requires_grad_()
    score = POOLINGS[name](z, ALL, 4.0)
    score.sum().backward()
    assert torch.isfinite(score).all()
    assert torch.isfinite(z.grad).all()
    assert z.grad.sum() == pytest.approx(1, abs=0.01)
