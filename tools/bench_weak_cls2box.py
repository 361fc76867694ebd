"""What a Cls2Box loss costs, forward and backward, beside the loop over images and classes.

    OMP_NUM_THREADS=1 python tools/bench_weak_cls2box.py [--device cuda] [--rounds 7] [--csv FILE]

The floor is the time to read the three logits and write their gradients once, at the bandwidth that copying a large
tensor reaches in the same run: the arithmetic (about 40 flops a logit) is below that. See `weak_bench`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F
from weak_bench import Bench, gradients, run

from cqb_weak.cls2box import Cls2BoxLoss

SIZES = ((1, 2000, 80), (8, 2000, 80), (8, 16000, 80))
"""Images, proposals in all, classes."""

LOSS = Cls2BoxLoss()


def drawn(images: int, proposals: int, classes: int, device: torch.device) -> tuple[Tensor, ...]:
    """Arguments of the loss; the last is the detector's logits."""
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(proposals, classes + extra, generator=generator) for extra in (0, 0, 1)]
    image = torch.arange(images).repeat_interleave(proposals // images)
    tags = torch.rand(images, classes, generator=generator) < 0.04
    leaves = [each.to(device).requires_grad_() for each in logits]
    return leaves[0], leaves[1], image.to(device), tags.to(device), leaves[2]


def loop_loss(class_logits: Tensor, proposal_logits: Tensor, image: Tensor, tags: Tensor, detector: Tensor) -> Tensor:
    """Image by image and class by class, as one writes it first."""
    losses = []
    for place, present in enumerate(tags):
        rows = image == place
        classes, p = class_logits[rows].softmax(1), detector[rows].softmax(1)
        for kind in range(tags.shape[1]):
            shares = proposal_logits[rows][:, kind].softmax(0)
            score = (classes[:, kind] * shares * p[:, kind]).sum().clamp(1e-6, 1 - 1e-6)
            losses.append(F.binary_cross_entropy(score, present[kind].float()))
    return torch.stack(losses).sum() / len(tags)


def measure(bench: Bench) -> None:
    """A row a size."""
    for images, proposals, classes in SIZES:
        given = drawn(images, proposals, classes, bench.device)
        leaves = [given[0], given[1], given[4]]
        torch.testing.assert_close(ours(*given), loop_loss(*given), rtol=1e-4, atol=1e-4)
        fast, slow = (gradients(lambda loss=loss, given=given: loss(*given), leaves) for loss in (ours, loop_loss))
        (quick,) = bench.medians(fast)
        _, loop = bench.medians(fast, slow, rounds=3)
        floor = 8 * sum(leaf.numel() for leaf in leaves) * bench.ms_a_byte
        what = f"{images} x {proposals // images} proposals, {classes} classes"
        bench.add(what, quick, floor, "loop over images and classes", loop)


def ours(*given: Tensor) -> Tensor:
    """The loss of the package."""
    return LOSS(*given)["loss_cls2box"]


if __name__ == "__main__":
    run(__doc__, measure)
