import pytest
import torch

from cqb_weak import Box2Mask
from cqb_weak.box2mask import Box2MaskLoss, narrow, roi_colours, widen

BOXES = [torch.tensor([[4.0, 6, 20, 30], [10, 2, 25, 12]]), torch.zeros(0, 4), torch.tensor([[1.0, 3, 17, 28]])]
CLASSES = [torch.tensor([1, 0]), torch.zeros(0).long(), torch.tensor([2])]
INDEX = torch.tensor([0, 0, 2])


def drawn():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, 32, 32, generator=generator)
    return torch.randn(3, 4, 7, 7, generator=generator).requires_grad_(), images


def frames():
    return [widen(own, 1.3) for own in BOXES]


def test_without_images_it_is_the_loss():
    logits, _ = drawn()
    found = Box2Mask()(logits, frames(), BOXES, CLASSES)
    torch.testing.assert_close(found, Box2MaskLoss()(logits, torch.cat(frames()), torch.cat(BOXES), torch.cat(CLASSES)))


def test_with_images_it_is_the_loss_on_their_colours():
    logits, images = drawn()
    rois = torch.cat(frames())
    found = Box2Mask(Box2MaskLoss(similarity=0.01), colour_weight=2.0)(logits, frames(), BOXES, CLASSES, images)
    colours = roi_colours(images, INDEX, rois, (7, 7))
    loss = Box2MaskLoss(structure_weight=2.0, similarity=0.01)
    torch.testing.assert_close(found, loss(logits, rois, torch.cat(BOXES), torch.cat(CLASSES), colours=colours))
    assert found["loss_structure"] > 0


def test_frames_of_training_lie_around_the_boxes_at_random():
    torch.manual_seed(0)
    found = Box2Mask(factor=1.5, jitter=0.2).frames(BOXES)
    assert [len(own) for own in found] == [2, 0, 1]
    torch.manual_seed(0)
    torch.testing.assert_close(torch.cat(found), widen(torch.cat(BOXES), 1.5, jitter=0.2))
    assert not torch.equal(found[0], widen(BOXES[0], 1.5))


def test_frames_in_use_are_wide_and_masks_come_back_to_the_boxes():
    logits, _ = drawn()
    module = Box2Mask(factor=1.5)
    torch.testing.assert_close(module.wide(BOXES[0]), widen(BOXES[0], 1.5))
    torch.testing.assert_close(module.fitted(logits), narrow(logits, 1.5))


def test_no_positive_is_an_exact_zero():
    empty = [BOXES[1]] * 3
    terms = Box2Mask()(torch.zeros(0, 4, 7, 7), empty, empty, [CLASSES[1]] * 3, torch.rand(3, 3, 32, 32))
    assert terms["loss_mil"].item() == terms["loss_structure"].item() == 0


def test_arguments_that_do_not_fit_are_named():
    logits, images = drawn()
    with pytest.raises(ValueError, match=r"gt_boxes: wanted \[2, 0, 1\] rows, an entry an image, got \[2, 0\]"):
        Box2Mask()(logits, frames(), BOXES[:2], CLASSES)
    with pytest.raises(ValueError, match=r"images: wanted shape \(b=3, 3, height, width\), got \(2, 3, 32, 32\)"):
        Box2Mask()(logits, frames(), BOXES, CLASSES, images[:2])
    with pytest.raises(ValueError, match=r"classes\[0\]: wanted a whole number from 0 to 3, got 4"):
        Box2Mask()(logits, frames(), BOXES, [torch.tensor([4, 0]), *CLASSES[1:]], images)
