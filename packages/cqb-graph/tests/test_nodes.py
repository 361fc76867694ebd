import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_graph import class_centers
from cqb_graph.nodes import Layout


def test_center_of_four_pixels_by_hand():
    feature = torch.tensor([[[[1.0, 2.0], [3.0, 100.0]]]])
    logits = torch.log(torch.tensor([[[[1.0, 1.0], [2.0, 9.0]], [[3.0, 1.0], [1.0, 9.0]]]]))
    valid = torch.tensor([[[True, True], [True, False]]])
    assert torch.allclose(class_centers(feature, logits, valid), torch.tensor([[[9 / 4], [8 / 5]]]))


def test_equals_a_loop_over_images_classes_and_pixels(draw):
    inputs = draw(2, 1, dtype=torch.double)
    valid = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(1)) < 0.6
    centers = class_centers(inputs.stuff_feature, inputs.stuff_logits, valid)
    for image in range(2):
        for stuff in range(4):
            weights = inputs.stuff_logits[image, stuff].exp() * valid[image]
            mean = (inputs.stuff_feature[image] * weights).sum((1, 2)) / weights.sum()
            assert torch.allclose(centers[image, stuff], mean)


def test_padding_may_hold_anything(draw):
    inputs = draw(1)
    valid = torch.ones(1, 3, 4, dtype=torch.bool)
    valid[..., 3] = False
    spoilt = inputs.stuff_feature.clone(), inputs.stuff_logits.clone()
    spoilt[0][..., 3], spoilt[1][..., 3] = float("nan"), float("inf")
    cropped = class_centers(inputs.stuff_feature[..., :3], inputs.stuff_logits[..., :3])
    assert torch.allclose(class_centers(*spoilt, valid), cropped)


def test_an_image_of_padding_has_centers_of_zero(draw):
    inputs = draw(1)
    assert (class_centers(inputs.stuff_feature, inputs.stuff_logits, torch.zeros(1, 3, 4, dtype=torch.bool)) == 0).all()


def test_autocast_keeps_float32():
    generator = torch.Generator().manual_seed(0)
    feature, logits = torch.randn(1, 3, 64, 64, generator=generator), torch.randn(1, 2, 64, 64, generator=generator)
    plain = class_centers(feature, logits)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(class_centers(feature, logits), plain)
    assert torch.allclose(class_centers(feature.half(), logits.half()), plain, atol=1e-3)


def test_gradcheck():
    generator = torch.Generator().manual_seed(0)
    feature = torch.randn(2, 2, 2, 3, generator=generator, dtype=torch.double, requires_grad=True)
    logits = torch.randn(2, 3, 2, 3, generator=generator, dtype=torch.double, requires_grad=True)
    valid = torch.tensor([[[True, False, True], [True, True, True]], [[True, True, True], [False, False, False]]])
    assert torch.autograd.gradcheck(class_centers, (feature, logits, valid))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 3))
def test_rows_come_back_as_they_went_and_stand_with_their_image(images, spare):
    index = torch.tensor(images, dtype=torch.long)
    longest = max([images.count(image) for image in range(4)])
    layout = Layout.of(index, 4, longest + spare if spare else None)
    assert layout.present.shape == (4, longest + spare)
    rows = torch.arange(1.0, len(images) + 1)[:, None]
    laid = layout.spread(rows)
    assert torch.equal(layout.collect(laid), rows)
    for image in range(4):
        expected = rows[index == image][:, 0].tolist()
        assert laid[image, layout.present[image], 0].tolist() == expected
        assert layout.present[image].sum() == len(expected)
        assert (laid[image, ~layout.present[image]] == 0).all()


@pytest.mark.parametrize("images", [0, 1, 3])
def test_no_region(images):
    layout = Layout.of(torch.zeros(0, dtype=torch.long), images)
    assert layout.present.shape == (images, 0)
    assert layout.collect(layout.spread(torch.zeros(0, 5))).shape == (0, 5)
