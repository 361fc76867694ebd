import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_graph import Predictions, RelationLoss, Targets, box_loss, class_loss, semantic_loss


def test_classes_by_hand():
    logits = torch.log(torch.tensor([[1.0, 3.0], [1.0, 1.0], [5.0, 1.0]]))
    assert torch.allclose(class_loss(logits, torch.tensor([1, 0, -1])), torch.tensor(math.log(4 / 3 * 2) / 2))


def test_boxes_by_hand():
    deltas = torch.tensor([[0.5, 0.0, 3.0, 0.0], [9.0, 9.0, 9.0, 9.0], [9.0, 9.0, 9.0, 9.0]])
    boxes = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [torch.nan, 0.0, 0.0, 0.0]])
    # 0.5^2 / 2 and 3 - 1/2 of one thing, over it and one background; the third image owns no boxes.
    assert torch.allclose(box_loss(deltas, torch.tensor([0, 2, -1]), boxes, 2), torch.tensor((0.125 + 2.5) / 2))


def test_boxes_per_class_read_the_columns_of_their_class():
    deltas = torch.zeros(2, 8)
    deltas[0, 4:], deltas[1, :4] = 2.0, 3.0
    assert torch.allclose(box_loss(deltas, torch.tensor([1, 0]), torch.zeros(2, 4), 2), torch.tensor((6.0 + 10.0) / 2))


@pytest.mark.parametrize("kind", [torch.long, torch.uint8])
def test_pixels_by_hand(kind):
    logits = torch.log(torch.tensor([[[[1.0, 1.0]], [[3.0, 1.0]]]]))
    assert torch.allclose(semantic_loss(logits, torch.tensor([[[1, 255]]], dtype=kind)), torch.tensor(math.log(4 / 3)))
    both = semantic_loss(logits, torch.tensor([[[1, 0]]], dtype=kind))
    assert torch.allclose(both, torch.tensor(math.log(8 / 3) / 2))


def test_logits_are_resized_to_the_labels():
    logits = torch.log(torch.tensor([[[[1.0, 1.0]], [[3.0, 3.0]]]]))
    assert torch.allclose(semantic_loss(logits, torch.ones(1, 4, 8, dtype=torch.long)), torch.tensor(math.log(4 / 3)))


def drawn(n=4, b=2, seed=0, dtype=torch.double):
    generator = torch.Generator().manual_seed(seed)
    shapes = (n, 4), (n, 12), (b, 5, 2, 3)
    leaves = [torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True) for shape in shapes]
    return leaves, torch.randn(n, 4, generator=generator, dtype=dtype)


def test_total_weighs_the_semantic_term_by_beta():
    leaves, boxes = drawn()
    targets = Targets(torch.tensor([0, 2, 3, -1]), boxes, torch.zeros(2, 2, 3, dtype=torch.long))
    half, none = RelationLoss()(Predictions(*leaves), targets), RelationLoss(0.0)(Predictions(*leaves), targets)
    plain = semantic_loss(leaves[2], targets.semantic)
    assert torch.allclose(half.total, half.classes + half.boxes + 0.5 * plain)
    assert torch.allclose(half.total - none.total, 0.5 * plain)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-1, 3), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_images_without_a_label_get_no_gradient_from_its_term(classes, first, second):
    leaves, boxes = drawn(n=len(classes))
    index = torch.tensor(classes)
    semantic = torch.full((2, 2, 3), 255)
    for image, owned in enumerate((first, second)):
        if owned:
            semantic[image] = 2
    terms = RelationLoss()(Predictions(*leaves), Targets(index, boxes, semantic))
    terms.total.backward()
    assert (leaves[0].grad[index == -1] == 0).all()
    assert (leaves[0].grad[index != -1] != 0).all()
    things = (index >= 0) & (index < 3)
    assert (leaves[1].grad[~things] == 0).all()
    assert (leaves[1].grad[things].abs().sum(1) > 0).all()
    for image, owned in enumerate((first, second)):
        assert bool((leaves[2].grad[image] != 0).any()) is owned


@pytest.mark.parametrize("semantic", [None, torch.full((2, 2, 3), 255)])
@pytest.mark.parametrize("n", [0, 3])
def test_without_labels_the_terms_are_zeros_that_keep_the_graph(semantic, n):
    leaves, boxes = drawn(n=n)
    terms = RelationLoss()(Predictions(*leaves), Targets(torch.full((n,), -1), boxes, semantic))
    assert (terms.classes.item(), terms.boxes.item(), terms.semantic.item()) == (0, 0, 0)
    for term, leaf in zip((terms.classes, terms.boxes, terms.semantic), leaves, strict=True):
        (grad,) = torch.autograd.grad(term, leaf)
        assert (grad == 0).all()


def test_gradcheck():
    leaves, boxes = drawn()
    targets = Targets(torch.tensor([0, 2, 3, -1]), boxes, torch.tensor([[[0, 4, 255], [1, 2, 3]]] * 2))
    assert torch.autograd.gradcheck(lambda *made: RelationLoss()(Predictions(*made), targets).total, leaves)


def test_half_precision_is_summed_in_float32():
    leaves, boxes = drawn(dtype=torch.float32)
    targets = Targets(torch.tensor([0, 1, 2, 3]), boxes, torch.zeros(2, 2, 3, dtype=torch.long))
    low = RelationLoss()(Predictions(*(leaf.bfloat16() for leaf in leaves)), targets)
    assert low.total.dtype == torch.float32
    assert torch.allclose(low.total, RelationLoss()(Predictions(*leaves), targets).total, rtol=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": torch.tensor([0, 1, 4, 3])}, r"classes\[2\]: wanted an integer from -1 to 3, got 4"),
        ({"classes": torch.tensor([0, 1])}, r"classes: wanted shape \(n=4\), got \(2,\)"),
        ({"boxes": torch.zeros(3, 4)}, r"boxes: wanted shape \(n=4, xyxy=4\), got \(3, 4\)"),
        ({"semantic": torch.full((2, 2, 3), 5)}, r"semantic\[0, 0, 0\]: wanted an integer from 0 to 4 or 255, got 5"),
        (
            {"semantic": torch.zeros(1, 2, 3, dtype=torch.long)},
            r"semantic: wanted shape \(b=2, _, _\), got \(1, 2, 3\)",
        ),
    ],
)
def test_messages(as_installed, change, message):
    leaves, boxes = drawn()
    right = {"classes": torch.zeros(4, dtype=torch.long), "boxes": boxes}
    with pytest.raises(ValueError, match=message):
        RelationLoss()(Predictions(*leaves), Targets(**(right | change)))


def test_a_negative_weight():
    with pytest.raises(ValueError, match="beta: wanted a weight of 0 or more, got -1.0"):
        RelationLoss(-1.0)
