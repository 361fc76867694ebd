import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.nn import functional as F

from cqb_weak.cls2box import PseudoLabels, pseudo_labels, refinement_loss
from cqb_weak.cls2box.refinement import pairwise_iou

BOXES = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 4], [20, 20, 30, 30], [0, 0, 10, 10]])
IMAGE = torch.tensor([0, 0, 0, 0, 1])
SCORES = torch.tensor([[0.5, 0.1], [0.4, 0.2], [0.1, 0.0], [0.1, 0.3], [0.9, 0.1]])


def test_neighbours_of_a_seed_take_its_class_and_weight_by_hand():
    """Class 0 is seeded by the first box (IoU 1, 0.8, 0.4, 0), class 1 by the fourth; image 1 has no tags."""
    labels = pseudo_labels(SCORES, BOXES, IMAGE, torch.tensor([[True, True], [False, False]]))
    assert labels.classes.tolist() == [0, 0, 2, 1, 2]
    torch.testing.assert_close(labels.weights, torch.tensor([0.5, 0.5, 0.5, 0.3, 0.0]))


def test_the_overlap_is_an_option_and_its_edge_counts():
    tags = torch.tensor([[True, False], [True, False]])
    assert pseudo_labels(SCORES, BOXES, IMAGE, tags, iou=0.4).classes.tolist() == [0, 0, 0, 2, 0]
    assert pseudo_labels(SCORES, BOXES, IMAGE, tags, iou=0.8).classes.tolist() == [0, 0, 2, 2, 0]
    assert pseudo_labels(SCORES, BOXES, IMAGE, tags, iou=0.81).classes.tolist() == [0, 2, 2, 2, 0]


def loop_labels(scores, boxes, image, tags, iou):
    """Proposal by proposal; the first of equals wins."""
    classes, weights = [], []
    for row, own in enumerate(image.tolist()):
        best, label, weight = -1.0, scores.shape[1], 0.0
        mine = (image == own).nonzero().flatten()
        for kind in tags[own].nonzero().flatten().tolist():
            seed = mine[scores[mine, kind].argmax()]
            overlap = pairwise_iou(boxes[row : row + 1], boxes[seed][None, None]).item()
            if overlap > best:
                best, weight = overlap, scores[seed, kind].item()
                label = kind if overlap >= iou else scores.shape[1]
        classes.append(label)
        weights.append(weight)
    return classes, weights


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9999))
def test_it_is_the_loop(seed):
    g = torch.Generator().manual_seed(seed)
    scores = torch.rand(12, 3, generator=g)
    corners = torch.randint(0, 6, (12, 2), generator=g).double()
    boxes = torch.cat([corners, corners + torch.randint(1, 6, (12, 2), generator=g)], 1).to(scores)
    image = torch.randint(0, 3, (12,), generator=g)
    tags = torch.rand(3, 3, generator=g) < 0.5
    labels = pseudo_labels(scores, boxes, image, tags, 0.3)
    classes, weights = loop_labels(scores, boxes, image, tags, 0.3)
    assert labels.classes.tolist() == classes
    torch.testing.assert_close(labels.weights, torch.tensor(weights))


def test_overlap_of_empty_boxes_is_zero():
    empty = torch.tensor([[3.0, 3, 3, 3]])
    assert pairwise_iou(empty, torch.stack([empty, BOXES[:1]], 1)).tolist() == [[0, 0]]


def test_the_loss_is_a_mean_over_proposals_then_images_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]]))
    labels = PseudoLabels(torch.tensor([0, 2, 1]), torch.tensor([1.0, 0.5, 0.4]))
    loss = refinement_loss(logits, labels, torch.tensor([0, 0, 1]), torch.tensor([True, True, False]))
    nats = -torch.log(torch.tensor([0.5, 0.8, 0.7]))
    torch.testing.assert_close(loss, ((nats[0] + 0.5 * nats[1]) / 2 + 0.4 * nats[2]) / 2)


def test_with_weights_of_one_and_one_image_it_is_plain_cross_entropy():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 1, 2, 3, 3, 3])
    loss = refinement_loss(logits, PseudoLabels(classes, torch.ones(6)), torch.zeros(6).long(), torch.tensor([True]))
    torch.testing.assert_close(loss, F.cross_entropy(logits, classes))


def test_gradients_are_those_of_finite_differences():
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 3, generator=g, dtype=torch.float64, requires_grad=True)
    labels = PseudoLabels(torch.tensor([0, 1, 2, 2, 0]), torch.rand(5, generator=g, dtype=torch.float64))
    assert gradcheck(lambda z: refinement_loss(z, labels, IMAGE, torch.tensor([True, True])), (logits,))


def test_no_image_is_an_exact_zero_with_zero_gradients():
    logits = torch.randn(5, 3, requires_grad=True)
    labels = PseudoLabels(torch.tensor([0, 1, 2, 2, 0]), torch.ones(5))
    loss = refinement_loss(logits, labels, IMAGE, torch.tensor([False, False]))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
