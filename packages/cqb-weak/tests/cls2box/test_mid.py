import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from cqb_weak.cls2box import mid_scores, segment_softmax


def ragged(seed, sizes, classes=3, dtype=torch.float64):
    """Logits of both streams and the image of each proposal, in no order of images."""
    g = torch.Generator().manual_seed(seed)
    image = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    image = image[torch.randperm(len(image), generator=g)]
    draws = [3 * torch.randn(len(image), classes, generator=g, dtype=dtype) for _ in range(2)]
    return *draws, image


def loop_softmax(logits, segment):
    """Row by row, the slow way."""
    out = torch.empty_like(logits)
    for row, own in enumerate(segment):
        out[row] = logits[row].exp() / logits[segment == own].exp().sum(0)
    return out


def test_two_proposals_of_one_image_by_hand():
    three = torch.tensor(3.0).log()
    scores = mid_scores(
        torch.tensor([[0, three], [0, 0]]), torch.tensor([[three, 0], [0, three]]), torch.tensor([0, 0])
    )
    torch.testing.assert_close(scores, torch.tensor([[0.25 * 0.75, 0.75 * 0.25], [0.5 * 0.25, 0.5 * 0.75]]))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 999), st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_the_softmax_is_that_of_a_loop_and_sums_to_one(seed, sizes):
    logits, _, image = ragged(seed, sizes)
    shares = segment_softmax(logits, image, len(sizes))
    torch.testing.assert_close(shares, loop_softmax(logits, image))
    sums = torch.zeros(len(sizes), 3, dtype=logits.dtype).index_add(0, image, shares)
    torch.testing.assert_close(sums, (torch.tensor(sizes) > 0).to(logits).unsqueeze(1).expand(-1, 3))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 999))
def test_the_order_of_proposals_and_the_names_of_images_do_not_matter(seed):
    classes, proposals, image = ragged(seed, [3, 0, 4, 1])
    expected = mid_scores(classes, proposals, image, 4, temperature=2.0)
    order = torch.randperm(len(image), generator=torch.Generator().manual_seed(seed))
    renamed = torch.tensor([2, 3, 0, 1])[image]
    torch.testing.assert_close(mid_scores(classes[order], proposals[order], renamed[order], 4, 2.0), expected[order])


def test_the_number_of_images_is_read_from_the_index_when_not_given():
    drawn = ragged(0, [2, 3])
    torch.testing.assert_close(mid_scores(*drawn), mid_scores(*drawn, 2))
    assert mid_scores(torch.zeros(0, 3), torch.zeros(0, 3), torch.zeros(0).long()).shape == (0, 3)


def test_temperature_divides_the_proposal_stream_only():
    classes, proposals, image = ragged(1, [4, 4])
    torch.testing.assert_close(
        mid_scores(classes, proposals, image, 2, 2.0), mid_scores(classes, proposals / 2, image, 2)
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(dtype):
    logits = torch.zeros(5000, 1, dtype=dtype)
    shares = segment_softmax(logits, torch.zeros(5000).long(), 1)
    assert shares.dtype == torch.float32
    assert shares.sum().item() == pytest.approx(1, abs=1e-4)


def test_large_logits_do_not_overflow():
    shares = segment_softmax(torch.tensor([[1e4], [1e4 - 1], [-1e30]]), torch.tensor([0, 0, 1]), 2)
    torch.testing.assert_close(shares.squeeze(), torch.tensor([0.7310586, 0.2689414, 1.0]))


def test_gradients_are_those_of_finite_differences():
    classes, proposals, image = ragged(2, [3, 1, 0, 2])
    assert gradcheck(
        lambda c, p: mid_scores(c, p, image, 4, 1.5), (classes.requires_grad_(), proposals.requires_grad_())
    )
