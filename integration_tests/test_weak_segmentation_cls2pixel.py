"""The example of a plain segmentation network that learns from tags, as a user runs it."""

import pytest
import torch

from cqb_weak.examples import segmentation_cls2pixel
from cqb_weak.examples.segmentation_cls2pixel import Segmentation, train


def test_the_script_trains_and_reports(capsys):
    numbers = segmentation_cls2pixel.main(["--steps", "12", "--seed", "3"])
    printed = capsys.readouterr().out
    assert f"segmentation after      {numbers['segmentation']:.3f}" in printed
    assert 0 <= numbers["segmentation"] <= 1


def test_losses_fall_and_gradients_reach_the_host():
    torch.manual_seed(0)
    model = Segmentation()
    history = train(model, 60, torch.Generator().manual_seed(0), images=8)
    assert sum(terms["loss_cls"] for terms in history[-10:]) < 0.9 * sum(terms["loss_cls"] for terms in history[:10])
    assert all(terms["loss_pseudo"] == 0 for terms in history[:20])
    assert any(terms["loss_pseudo"] > 0 for terms in history[20:])
    host = [*model.texture.parameters(), *model.context.parameters()]
    assert all(parameter.grad is not None and parameter.grad.ne(0).any() for parameter in host)


def test_help(capsys):
    with pytest.raises(SystemExit):
        segmentation_cls2pixel.main(["--help"])
    assert "--steps" in capsys.readouterr().out
