"""torchvision's Mask R-CNN learns from boxes, changed by nothing but the example's own classes."""

import pytest
import torch

pytest.importorskip("torchvision")

from cqb_weak.examples import maskrcnn_box2mask as example
from cqb_weak.examples.boxed_shapes import Shapes, draw_shapes


def a_batch(count: int = 2) -> tuple[Shapes, list[dict[str, torch.Tensor]]]:
    shapes = draw_shapes(count, torch.Generator().manual_seed(0), example.SIDE)
    boxes = [{"boxes": box[None], "labels": torch.ones(1, dtype=torch.long)} for box in shapes.boxes]
    return shapes, boxes


def test_gradients_of_the_boxes_reach_every_part_of_the_host():
    torch.manual_seed(0)
    model = example.learn_from_boxes(example.build_model()).train()
    shapes, targets = a_batch()
    losses = model(list(shapes.images), targets)
    assert "loss_mask" not in losses
    (losses["loss_mil"] + losses["loss_structure"]).backward()
    for part in (model.backbone, model.roi_heads.mask_head, model.roi_heads.mask_predictor):
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in part.parameters())
        assert any(p.grad.abs().sum() > 0 for p in part.parameters())
    assert all(p.grad is None for p in model.roi_heads.box_head.parameters())


def test_images_without_an_object_give_exact_zeros():
    model = example.learn_from_boxes(example.build_model()).train()
    shapes, _ = a_batch()
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}
    losses = model(list(shapes.images), [nothing, nothing])
    assert losses["loss_mil"].item() == losses["loss_structure"].item() == 0
    sum(losses.values()).backward()


def test_masks_of_detections_have_the_size_of_the_image():
    torch.manual_seed(0)
    model = example.learn_from_boxes(example.build_model()).eval()
    model.roi_heads.score_thresh = 0.0
    shapes, _ = a_batch(1)
    with torch.no_grad():
        (found,) = model(list(shapes.images))
    assert len(found["boxes"]) > 0
    assert found["masks"].shape == (len(found["boxes"]), 1, example.SIDE, example.SIDE)


def test_it_learns_more_than_to_fill_the_boxes(capsys):
    scores = example.main(["--steps", "100", "--seed", "0"])
    assert scores.after > scores.filled + 0.08
    assert scores.after > scores.before + 0.1
    assert "loss_mil" in capsys.readouterr().out
