"""torchvision's Faster R-CNN with Cls2Box: the example runs, the tags are learnt, and they reach the host."""

import pytest
import torch

pytest.importorskip("torchvision", reason="the example's host is torchvision's Faster R-CNN")

from cqb_weak.cls2box import Cls2BoxLoss, MIDHead
from cqb_weak.examples import fasterrcnn_cls2box as example
from cqb_weak.examples.tagged_shapes import draw


def test_a_few_steps_learn_the_tags(capsys):
    result = example.main(["--steps", "70", "--warm-up", "30"])
    assert result["loss on tags, last steps"] < 0.8 * result["loss on tags, first steps"]
    assert all(0 <= result[name] <= 1 for name in result if name.startswith("CorLoc"))
    assert capsys.readouterr().out.count("CorLoc") == 3


def test_gradients_reach_the_backbone_the_box_head_and_the_classifier():
    torch.manual_seed(0)
    model, head = example.small_faster_rcnn().train(), MIDHead(example.WIDTH, 4)
    tagged = draw(2, example.SIZE, seed=0)
    features, logits, proposals = example.regions(model, list(tagged.images))
    Cls2BoxLoss()(*head(features), example.image_index(proposals), tagged.tags, logits)["loss_cls2box"].backward()
    for part in (model.backbone, model.roi_heads.box_head, model.roi_heads.box_predictor.cls_score, head):
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in part.parameters())
    assert model.rpn.training


def test_the_background_is_moved_from_the_first_column_to_the_last():
    torch.manual_seed(0)
    model = example.small_faster_rcnn().train()
    with torch.no_grad():
        model.roi_heads.box_predictor.cls_score.bias[0] = 50.0
    _, logits, _ = example.regions(model, list(draw(1, example.SIZE, seed=0).images))
    assert (logits.argmax(1) == 4).all()
