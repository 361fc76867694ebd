"""What a Cls2Box loss costs, forward and backward, beside the loop over images and classes, and what its checks cost.

    hatch run python tools/bench_weak_cls2box.py [--device cuda] [--repeats 30] [--csv FILE]

Both run in turn in one process; times are medians, of the processor where there is no GPU. The floor is the time to
read the three logits and write their gradients once, at the bandwidth that a copy of 64 MiB reaches here: the
arithmetic (about 40 flops a logit) is below that. The checks are timed in a row of 20 calls, so with warm caches.
"""

import argparse
import csv
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from cqb_weak import arguments as checks
from cqb_weak.cls2box import Cls2BoxLoss

SIZES = ((1, 2000, 80), (8, 2000, 80), (8, 16000, 80))
"""Images, proposals in all, classes."""


def drawn(images: int, proposals: int, classes: int, device: str) -> tuple[Tensor, ...]:
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


def seconds(call: Callable[[], Tensor], leaves: list[Tensor], device: str) -> float:
    """One forward and backward pass."""
    for leaf in leaves:
        leaf.grad = None
    begin = clock(device)
    call().backward()
    return clock(device) - begin


def check_seconds(loss: Cls2BoxLoss, given: tuple[Tensor, ...], device: str) -> float:
    """The argument checks of one call, alone; on a GPU they wait for it twice."""
    class_logits, proposal_logits, image, tags, detector = given
    result = class_logits.detach().sum()
    begin = clock(device)
    for _ in range(20):
        loss._checked(class_logits, proposal_logits, image, tags, detector, None, None)
        checks.finite(result, class_logits=class_logits)
    return (clock(device) - begin) / 20


def clock(device: str) -> float:
    """Processor seconds, which other work on the machine does not touch; wall seconds on a GPU."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def bandwidth(device: str) -> float:
    """Bytes a second of a copy, read and write counted."""
    source = torch.ones(16 * 2**20, device=device)
    target = torch.empty_like(source)
    times = []
    for _ in range(10):
        begin = clock(device)
        target.copy_(source)
        times.append(clock(device) - begin)
    return 2 * source.numel() * 4 / min(times)


def measure(size: tuple[int, int, int], device: str, repeats: int, speed: float) -> dict[str, str | int]:
    """One row of the table."""
    given, loss = drawn(*size, device), Cls2BoxLoss()
    leaves = [given[0], given[1], given[4]]

    def ours() -> Tensor:
        return loss(*given)["loss_cls2box"]

    torch.testing.assert_close(ours(), loop_loss(*given), rtol=1e-4, atol=1e-4)
    loops, full, checked = [], [], []
    for turn in range(repeats):
        full.append(seconds(ours, leaves, device))
        checked.append(check_seconds(loss, given, device))
        if turn < max(3, repeats // 10):
            loops.append(seconds(lambda: loop_loss(*given), leaves, device))
    floor = 2 * sum(leaf.numel() for leaf in leaves) * 4 / speed
    median = statistics.median(full)
    row = {"images": size[0], "proposals": size[1], "classes": size[2], "device": device}
    row |= {"ms": f"{1e3 * median:.2f}", "loop_ms": f"{1e3 * statistics.median(loops):.1f}"}
    row |= {"faster_than_loop": f"{statistics.median(loops) / median:.1f}", "floor_ms": f"{1e3 * floor:.3f}"}
    row |= {
        "times_floor": f"{median / floor:.1f}",
        "checks_percent": f"{100 * statistics.median(checked) / median:.2f}",
    }
    return row | {"threads": torch.get_num_threads(), "torch": torch.__version__, "machine": platform.machine()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--csv", type=Path, help="file to write the rows to")
    given = parser.parse_args()
    speed = bandwidth(given.device)
    rows = [measure(size, given.device, given.repeats, speed) for size in SIZES]
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    print(f"bandwidth of a copy: {speed / 1e9:.1f} GB/s; load of the machine: {os.getloadavg()[0]:.1f}")
    if given.csv:
        write_csv(given.csv, rows)


def write_csv(path: Path, rows: list[dict[str, str | int]]) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


if __name__ == "__main__":
    main()
