"""One graph, forward and backward; without a C compiler, so with `aot_eager`."""

import inspect

import jaxtyping
import pytest
import torch

from cqb_weak.cls2box import Cls2BoxLoss, mid_scores
from cqb_weak.form import Form
from cqb_weak.values import Values

OPTIONS = [
    ({}, False),
    ({"coupling": "none", "reduction": "mean"}, False),
    ({"coupling": "detector", "detach_detector": True, "temperature": 2.0}, False),
    ({"refine": 1.0}, True),
]
"""Of the loss, and whether it gets a mask of the images that own tags."""


@pytest.fixture(autouse=True)
def _untyped(monkeypatch):
    """The type checker of the tests is Python that cannot be traced, even when it is off; users have none."""
    torch.compiler.reset()
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    for kind in (Form, Values):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            monkeypatch.setattr(kind, name, inspect.unwrap(method))


def drawn():
    g = torch.Generator().manual_seed(0)
    logits = [torch.randn(9, width, generator=g).requires_grad_() for width in (4, 4, 5)]
    boxes = torch.rand(9, 2, 2, generator=g).sort(1).values.flatten(1)
    return logits, torch.tensor([0, 2, 2, 0, 2, 2, 0, 0, 2]), torch.rand(3, 4, generator=g) < 0.5, boxes


@pytest.mark.parametrize(("options", "masked"), OPTIONS)
def test_the_whole_loss_is_one_graph(options, masked):
    loss, gradients = Cls2BoxLoss(**options), []
    for call in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
        (classes, proposals, detector), image, tags, boxes = drawn()
        owned = torch.tensor([True, True, False]) if masked else None
        terms = call(classes, proposals, image, tags, detector, boxes=boxes, owned=owned)
        total = sum(terms.values())
        total.backward()
        gradients.append((total.detach(), classes.grad, proposals.grad, detector.grad))
    torch.testing.assert_close(gradients[1], gradients[0])


def test_the_scores_are_one_graph_when_the_number_of_images_is_given():
    (classes, proposals, _), image, _, _ = drawn()
    compiled = torch.compile(mid_scores, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(classes, proposals, image, 3), mid_scores(classes, proposals, image, 3))
