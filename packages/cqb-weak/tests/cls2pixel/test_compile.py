"""One graph each, forward and backward, without a C compiler (`aot_eager`).

In a process of its own, as a user's: the tests' type checker is Python that dynamo cannot trace. Left out is what
builds a lattice, whose number of vertices depends on the numbers in the image, and with it the CRF and the pseudo
labels, which need no gradient.
"""

import subprocess
import sys

import torch

from cqb_weak.cls2pixel import ClassBranch, DenseEnergy, class_activation_maps, normalised, pseudo_loss, tag_loss
from cqb_weak.permutohedral.simplex import enclosing_simplex


def test_one_graph_each():
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["energy", "maps", "branch", "pseudo_loss", "tag_loss", "simplex"]


def parts():
    """Name, function, arguments."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape, **options):
        return torch.randn(*shape, generator=generator, **options)

    image, valid, energy = random(2, 3, 12, 16).abs() * 99, torch.ones(2, 12, 16, dtype=torch.bool), DenseEnergy()
    labels = torch.tensor([0, 1, 2, 255]).expand(2, 5, 4).mT.contiguous()
    tags = torch.tensor([[True, False, True]] * 2)
    return (
        ("energy", lambda p: energy(p, image, valid), (random(2, 4, 6, 8).softmax(1),)),
        ("maps", lambda f, w: normalised(class_activation_maps(f, w)), (random(2, 3, 4, 5), random(6, 3))),
        ("branch", ClassBranch(3, 2, 0.0), (random(2, 3, 4, 5),)),
        ("pseudo_loss", lambda z: pseudo_loss(z, labels), (random(2, 3, 4, 5),)),
        ("tag_loss", lambda z: tag_loss(z, tags), (random(2, 3),)),
        ("simplex", lambda f: enclosing_simplex(f)[2], (random(50, 5, dtype=torch.float64),)),
    )


def check(name, call, arguments):
    """Values and gradients with and without torch.compile, compared."""
    found = []
    for version in (call, torch.compile(call, fullgraph=True, backend="aot_eager")):
        inputs = [argument.clone().requires_grad_() for argument in arguments]
        value = version(*inputs)
        value.square().sum().backward()
        found.append([value, *(each.grad for each in inputs)])
    torch.testing.assert_close(*found)
    print(name)


if __name__ == "__main__":
    for part in parts():
        check(*part)
