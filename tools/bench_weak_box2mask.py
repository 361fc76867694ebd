"""What Box2Mask costs: forward and backward on 128 and 512 proposals of 28x28, beside the obvious loop and the floor.

    OMP_NUM_THREADS=1 python tools/bench_weak_box2mask.py [--device cuda] [--rounds 7] [--csv FILE]

All versions run in turn, round by round; each number is a median over the rounds, and ratios are medians of the rounds'
ratios. The loop goes over proposals and over their rows and columns. The floor is the time to read the logits once and
write their gradient once at the bandwidth that copying a large tensor reaches in the same run. `checks` is what the
checks of the arguments take, timed alone, as a share of the checked call. On a processor times are those of
the process, so that other programs disturb them less.
"""

import argparse
import csv
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad

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


def step(loss: Callable[..., Tensor], given: dict[str, Tensor]) -> Callable[[], Tensor]:
    """A call that computes the loss and the gradient for the logits, which it returns."""

    def call() -> Tensor:
        logits = given["mask_logits"].detach().requires_grad_()
        loss(**{**given, "mask_logits": logits}).backward()
        if logits.grad is None:
            raise RuntimeError("the loss did not reach the logits")
        return logits.grad

    return call


def seconds(call: Callable[[], object], device: torch.device, span: float = 0.2) -> float:
    """Seconds of one call, from as many as fill `span`."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    calls, elapsed = 0, 0.0
    if device.type != "cpu":
        torch.cuda.synchronize(device)
    begin = clock()
    while elapsed < span:
        call()
        calls += 1
        if device.type != "cpu":
            torch.cuda.synchronize(device)
        elapsed = clock() - begin
    return elapsed / calls


def bytes_per_second(device: torch.device) -> float:
    """Bandwidth of copying 64 MiB, read and write."""
    source = torch.ones(2**24, device=device)
    target = torch.empty_like(source)
    return 8 * 2**24 / min(seconds(lambda: target.copy_(source), device) for _ in range(3))


def measure(count: int, device: torch.device, rounds: int) -> dict[str, object]:
    """One row: milliseconds, ratios, floor."""
    given = inputs(count, device)
    fast, slow = step(ours, given), step(looped, given)
    torch.testing.assert_close(fast(), slow(), rtol=1e-4, atol=1e-8)
    checks = checking(given)
    times = [[seconds(call, device) for call in (fast, slow, checks)] for _ in range(rounds)]
    floor = 8 * count * SIZE * SIZE / bytes_per_second(device)
    middle = [statistics.median(column) for column in zip(*times, strict=True)]
    return {
        "proposals": count,
        "ours_ms": f"{middle[0] * 1e3:.3f}",
        "loop_ms": f"{middle[1] * 1e3:.3f}",
        "loop_over_ours": f"{statistics.median(b / a for a, b, _ in times):.1f}",
        "floor_ms": f"{floor * 1e3:.4f}",
        "ours_over_floor": f"{middle[0] / floor:.0f}",
        "checks_percent": f"{100 * statistics.median(c / a for a, _, c in times):.2f}",
    }


def checking(given: dict[str, Tensor]) -> Callable[[], None]:
    """What the loss does before and after it computes, on healthy input."""
    arguments = [given.get(name) for name in ("mask_logits", "rois", "gt_boxes", "classes", "colours")]
    result = given["mask_logits"].mean()

    def call() -> None:
        LOSS._check(*arguments, None)
        bool(torch.isfinite(result))

    return call


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    cuda = options.device.type == "cuda"
    where = torch.cuda.get_device_name(options.device) if cuda else platform.processor() or platform.machine()
    common = {"device": where, "threads": torch.get_num_threads(), "torch": torch.__version__, "rounds": options.rounds}
    rows = [{**measure(count, options.device, options.rounds), **common} for count in (128, 512)]
    for row in rows:
        print(*(f"{name} {value}" for name, value in row.items()), sep="  ")
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
