import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.cls2box import detector_probabilities, image_scores

MID = torch.tensor([[0.2, 0.1], [0.3, 0.2], [0.5, 0.4]])
IMAGE = torch.tensor([1, 0, 1])


def test_scores_are_summed_per_image():
    torch.testing.assert_close(image_scores(MID, None, IMAGE, 2), torch.tensor([[0.3, 0.2], [0.7, 0.5]]))


def test_the_detector_weighs_each_proposal():
    p = torch.tensor([[1.0, 0.5], [0.1, 0.5], [0.5, 0.25]])
    torch.testing.assert_close(image_scores(MID, p, IMAGE, 2), torch.tensor([[0.03, 0.1], [0.45, 0.15]]))


def test_an_image_without_proposals_scores_eps_and_sums_stay_below_one():
    scores = image_scores(torch.tensor([[1.0, 0.7], [1.0, 0.1]]), None, torch.tensor([0, 0]), 2, eps=0.01)
    torch.testing.assert_close(scores, torch.tensor([[0.99, 0.8], [0.01, 0.01]]))


def test_background_is_the_last_column_and_dropped_after_the_softmax():
    two = torch.tensor(2.0).log()
    p = detector_probabilities(torch.tensor([[0.0, two, 0.0]]), 2)
    torch.testing.assert_close(p, torch.tensor([[0.25, 0.5]]))


def test_as_many_columns_as_classes_are_sigmoids():
    p = detector_probabilities(torch.tensor([[0.0, torch.tensor(3.0).log()]]), 2)
    torch.testing.assert_close(p, torch.tensor([[0.5, 0.75]]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32(dtype):
    assert detector_probabilities(torch.zeros(1, 3, dtype=dtype), 2).dtype == torch.float32


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(3)), st.permutations(range(2)))
def test_permuted_proposals_and_classes(proposals, classes):
    scores = image_scores(MID[list(proposals)][:, list(classes)], None, IMAGE[list(proposals)], 2)
    torch.testing.assert_close(scores, image_scores(MID, None, IMAGE, 2)[:, list(classes)])


def test_a_tag_draws_every_proposal_to_its_class_and_none_to_the_background():
    """The gradient of -log s in the detector's logits: r (softmax - one-hot), r = phi p / s sum to 1."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 4, generator=generator, dtype=torch.float64).requires_grad_()
    mid = torch.rand(6, 3, generator=generator, dtype=torch.float64) / 6
    score = image_scores(mid, detector_probabilities(logits, 3), torch.zeros(6).long(), 1)[0, 1]
    (-score.log()).backward()
    shares = mid[:, 1] * logits[:, :3].exp()[:, 1] / logits.exp().sum(1) / score
    wanted = shares[:, None] * logits.softmax(1)
    wanted[:, 1] -= shares
    torch.testing.assert_close(logits.grad, wanted.detach())
    assert shares.sum().item() == pytest.approx(1)
    assert (logits.grad[:, 3] > 0).all()
