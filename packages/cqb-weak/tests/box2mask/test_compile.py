"""One graph each, forward and backward, without a C compiler (`aot_eager`).

In a process of its own, as a user's: the tests' type checker is Python that dynamo cannot trace.
"""

import subprocess
import sys

import torch

from cqb_weak.box2mask import Box2MaskLoss, bags, roi_colours, structure_loss, tightness_loss

ROIS = torch.tensor([[0.0, 0, 20, 20], [4, 6, 30, 26]])
BOXES = torch.tensor([[3.0, 5, 18, 19], [2, 8, 25, 24]])
CLASSES = torch.tensor([1, 2])
OPTIONS = (
    ({"pooling": "quasimax", "angles": (-20.0, 20.0)}, True),
    ({"pooling": "alpha-softmax", "padding": "zero", "confidence_weighted": True}, False),
)
"""Of the loss, and whether it gets colours."""


def test_one_graph_each():
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["bags", "tightness_loss", "structure_loss", *["Box2MaskLoss"] * 2]


def same_compiled(call, logits):
    """Values and gradients with and without torch.compile, compared."""
    found = []
    for version in (call, torch.compile(call, fullgraph=True, backend="aot_eager")):
        z = logits.clone().requires_grad_()
        value = version(z)
        value.backward()
        found.append((value, z.grad))
    torch.testing.assert_close(*found)


def check():
    """Prints the name of each part that is one graph."""
    logits = torch.randn(2, 3, 14, 14, generator=torch.Generator().manual_seed(0))
    rows, cols = bags(ROIS, BOXES, (14, 14))
    compiled = torch.compile(bags, fullgraph=True, backend="aot_eager")(ROIS, BOXES, (14, 14))
    assert torch.equal(compiled[0], rows)
    assert torch.equal(compiled[1], cols)
    print("bags")
    same_compiled(lambda z: tightness_loss(z[:, 0], rows, cols), logits)
    print("tightness_loss")
    same_compiled(lambda z: structure_loss(z[:, 0]), logits)
    print("structure_loss")
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    colours = roi_colours(image, torch.zeros(2).long(), ROIS, (14, 14))
    for options, coloured in OPTIONS:
        loss, given = Box2MaskLoss(**options), colours if coloured else None
        same_compiled(
            lambda z, loss=loss, given=given: sum(loss(z, ROIS, BOXES, CLASSES, colours=given).values()), logits
        )
        print("Box2MaskLoss")


if __name__ == "__main__":
    check()
