"""What Box2Mask costs: forward and backward on 128 and 512 proposals of 28x28, beside the obvious loop and the floor.

    OMP_NUM_THREADS=1 python tools/bench_weak_box2mask.py [--device cuda] [--rounds 7] [--csv FILE]

The loop goes over proposals and over their rows and columns. The floor is the time to read the logits once and write
their gradient once at the bandwidth that copying a large tensor reaches in the same run. See `weak_bench`.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad
from weak_bench import Bench, Call, gradients, run

from cqb_weak.box2mask import Box2MaskLoss, bags

SIZE = 28
LOSS = Box2MaskLoss()


def inputs(count: int, device: torch.device) -> dict[str, Tensor]:
    """Arguments of `Box2MaskLoss`: logits of the matched class, RoIs and boxes that overlap them."""
    generator = torch.Generator().manual_seed(0)
    low, size = torch.rand(count, 2, generator=generator) * 400, 20 + torch.rand(count, 2, generator=generator) * 200
    rois = torch.cat([low, low + size], 1)
    boxes = rois + (torch.rand(count, 4, generator=generator) - 0.5) * 0.4 * size.repeat(1, 2)
    logits = torch.randn(count, SIZE, SIZE, generator=generator)
    return {"mask_logits": logits.to(device), "rois": rois.to(device), "gt_boxes": boxes.to(device)}


def ours(mask_logits: Tensor, rois: Tensor, gt_boxes: Tensor) -> Tensor:
    """The loss of the package."""
    return torch.stack(list(LOSS(mask_logits, rois, gt_boxes).values())).sum()


def looped(mask_logits: Tensor, rois: Tensor, gt_boxes: Tensor) -> Tensor:
    """The same loss, written proposal by proposal and bag by bag."""
    mil, structure = [], []
    for mask, rows, cols in zip(mask_logits, *bags(rois, gt_boxes, (SIZE, SIZE)), strict=True):
        scores = torch.stack([row.max() for row in mask] + [col.max() for col in mask.T])
        mil.append(binary_cross_entropy_with_logits(scores, torch.cat([rows, cols]).to(scores)))
        p, inside = pad(mask.sigmoid(), (1, 1, 1, 1)), pad(torch.ones_like(mask), (1, 1, 1, 1))
        terms = []
        for shift in [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]:
            pair = (p - p.roll(shift, (0, 1))).square() * inside * inside.roll(shift, (0, 1))
            terms.append(pair.sum())
        structure.append(torch.stack(terms).sum() / (8 * SIZE * SIZE))
    return torch.stack(mil).mean() + LOSS.structure_weight * torch.stack(structure).mean()


def measure(bench: Bench) -> None:
    """A row a number of proposals."""
    for count in (128, 512):
        given = inputs(count, bench.device)
        logits = given["mask_logits"].requires_grad_()
        fast, slow = (gradients(lambda loss=loss, given=given: loss(**given), [logits]) for loss in (ours, looped))
        same_gradients(fast, slow, logits)
        (quick,) = bench.medians(fast)
        _, loop = bench.medians(fast, slow, rounds=3)
        floor = 8 * logits.numel() * bench.ms_a_byte
        bench.add(f"{count} proposals of {SIZE} x {SIZE}", quick, floor, "loop over proposals and bags", loop)


def same_gradients(fast: Call, slow: Call, logits: Tensor) -> None:
    """RuntimeError unless both are the same loss."""
    found = []
    for step in (fast, slow):
        step()
        found.append(logits.grad)
    if not torch.allclose(*found, rtol=1e-4, atol=1e-7):
        raise RuntimeError("the loop and the package disagree")


if __name__ == "__main__":
    run(__doc__, measure)
