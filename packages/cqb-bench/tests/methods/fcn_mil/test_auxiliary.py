import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_bench.methods.fcn_mil.auxiliary import FcnMil, mil_loss, present_classes
from cqb_core import InputError, Labels
from cqb_core.models import Host, ImageLabels, SemanticView

HOST = Host(
    num_things=2,
    num_stuff=4,
    region_channels=1,
    region_size=7,
    region_dim=4,
    box_columns=4,
    semantic_dim=24,
    num_stages=3,
)
NO_THING = torch.zeros(2, dtype=torch.bool)


def tagged(logits, tags, owned=Labels.IMAGE):
    """A view of images that own the stuff tags and show no thing."""
    images = [ImageLabels(i, owned, (48, 48), stuff_tags=row, thing_tags=NO_THING) for i, row in enumerate(tags)]
    valid = torch.ones(logits[:, 0].shape, dtype=torch.bool)
    return SemanticView(range(len(images)), images, logits, logits, valid, lambda: None)


PROBABILITIES = torch.tensor([
    [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]],
    [[0.2, 0.5, 0.1], [0.8, 0.3, 0.1]],
    [[0.1, 0.3, 0.8], [0.1, 0.4, 0.3]],
])  # fmt: skip
"""Of three classes on two rows of three cells; each is surest on another cell."""


def test_each_present_class_by_its_surest_cell():
    logits, valid = PROBABILITIES.log()[None], torch.ones(1, 2, 3, dtype=torch.bool)
    one, two, none = (torch.tensor([tags]) for tags in ([1, 0, 0], [1, 0, 1], [0, 0, 0]))
    assert mil_loss(logits, one.bool(), valid).item() == pytest.approx(-math.log(0.7))
    assert mil_loss(logits, two.bool(), valid).item() == pytest.approx(-(math.log(0.7) + math.log(0.8)) / 2)
    assert mil_loss(logits, none.bool(), valid).item() == 0
    valid[0, 0, 0] = False
    assert mil_loss(logits, one.bool(), valid).item() == pytest.approx(-math.log(0.6))
    assert mil_loss(logits + 5, one.bool(), valid).item() == pytest.approx(-math.log(0.6))


def test_images_count_alike_whatever_they_show_and_those_without_a_class_do_not():
    logits = torch.stack([PROBABILITIES.log(), torch.zeros(3, 2, 3), PROBABILITIES.log()])
    present = torch.tensor([[True, False, True], [False, True, False], [False] * 3])
    valid = torch.ones(3, 2, 3, dtype=torch.bool)
    expected = (-(math.log(0.7) + math.log(0.8)) / 2 + math.log(3)) / 2
    assert mil_loss(logits, present, valid).item() == pytest.approx(expected)
    present[2, 0], valid[2] = True, False
    assert mil_loss(logits, present, valid).item() == pytest.approx(expected)


def test_the_gradient_reaches_one_cell_a_class_and_lowers_the_others_there():
    logits = PROBABILITIES.log()[None].requires_grad_()
    mil_loss(logits, torch.tensor([[True, False, False]]), torch.ones(1, 2, 3, dtype=torch.bool)).backward()
    expected = torch.zeros(3, 2, 3)
    expected[:, 0, 0] = torch.tensor([0.7 - 1, 0.2, 0.1])
    torch.testing.assert_close(logits.grad[0], expected)


def slow_loss(logits, present, valid):
    images = []
    for image, tags, inside in zip(logits, present, valid, strict=True):
        terms = []
        for k in tags.nonzero().flatten().tolist():
            chances = [image[:, y, x].softmax(0)[k].item() for y, x in inside.nonzero().tolist()]
            terms += [-math.log(max(chances))] if chances else []
        images += [sum(terms) / len(terms)] if terms else []
    return sum(images) / len(images) if images else 0.0


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_loss_is_that_of_a_loop(seed):
    draws = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 4, 2, 3, generator=draws).double() * 3
    present, valid = (torch.rand(shape, generator=draws) < 0.4 for shape in ((3, 4), (3, 2, 3)))
    assert mil_loss(logits, present, valid).item() == pytest.approx(slow_loss(logits, present, valid), abs=1e-12)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 2, 3).double().requires_grad_()
    present, valid = torch.tensor([[True, False, True], [False] * 3]), torch.rand(2, 2, 3) < 0.8
    assert torch.autograd.gradcheck(lambda x: mil_loss(x, present, valid), logits)


def test_no_image_gives_a_connected_zero():
    logits = torch.randn(2, 5, 2, 2, requires_grad=True)
    (loss,) = FcnMil(HOST).loss(tagged(logits, torch.ones(2, 4, dtype=torch.bool), Labels.PANOPTIC)).values()
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_half_precision_is_widened():
    logits = PROBABILITIES.log()[None].bfloat16()
    loss = mil_loss(logits, torch.tensor([[True, False, False]]), torch.ones(1, 2, 3, dtype=torch.bool))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(-math.log(0.7), rel=0.01)


@pytest.mark.parametrize("things", [[False, False], [False, True]])
def test_the_merged_things_are_present_where_a_thing_is(things):
    tags = torch.tensor([True, False, False, True])
    image = ImageLabels(1, Labels.IMAGE, (8, 8), stuff_tags=tags, thing_tags=torch.tensor(things))
    assert present_classes(image).tolist() == [True, False, False, True, any(things)]


def test_the_weight():
    logits = torch.zeros(1, 5, 2, 2)
    (loss,) = FcnMil(HOST, weight=0.25).loss(tagged(logits, torch.ones(1, 4, dtype=torch.bool))).values()
    assert loss.item() == pytest.approx(0.25 * math.log(5))


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_what_is_wrong_is_named(weight):
    with pytest.raises(InputError, match=f"FcnMil: weight: wanted 0 or more, got {weight}"):
        FcnMil(HOST, weight=weight)
