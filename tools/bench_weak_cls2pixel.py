"""How fast the dense energy and the permutohedral lattice are, beside the obvious loops and the exact sum, in one run.

    OMP_NUM_THREADS=1 python tools/bench_weak_cls2pixel.py --csv packages/cqb-weak/results/bench_cls2pixel.csv

Each number is the median of several calls, after one that is not counted. `floor` is what the same machine needs, in
the same run, for the least work that the operation cannot avoid:

- exact sum: half of the n^2 exponentials (the kernel is symmetric), timed as torch's own exp on a block in cache, and
  the multiplications of two matrix products, timed as torch's own product of 512 x 512;
- lattice filter: bytes moved once through memory (values read for splatting, each vertex read and written once an axis,
  values written), timed by copying a large tensor.

The loops run on fewer pixels and are scaled by n (pixels; n^2 for the pairs), which the row says.
"""

import argparse
import csv
import io
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cqb_weak.cls2pixel import Cls2PixelLoss, DenseCrf, DenseEnergy
from cqb_weak.cls2pixel.pixels import positions_and_colours
from cqb_weak.permutohedral import Lattice, gaussian_sum
from cqb_weak.permutohedral.simplex import enclosing_simplex, vertices

COLUMNS = ("what", "milliseconds", "floor_milliseconds", "times_floor", "against", "their_milliseconds", "times_faster")
Row = tuple[str, float, float | None, float | None, str, float | None, float | None]


class Clock:
    """Medians on one device."""

    def __init__(self, device: torch.device, rounds: int) -> None:
        self.device, self.rounds = device, rounds

    def once(self, call: Callable[[], object]) -> float:
        """Milliseconds of one call."""
        self._wait()
        begin = time.perf_counter()
        call()
        self._wait()
        return (time.perf_counter() - begin) * 1e3

    def median(self, call: Callable[[], object]) -> float:
        """Milliseconds of the median call."""
        self.once(call)
        return statistics.median(self.once(call) for _ in range(self.rounds))

    def medians(self, *calls: Callable[[], object]) -> list[float]:
        """Of several, in turns, so that what else the machine does meets all alike."""
        times = [[self.once(call) for call in calls] for _ in range(self.rounds + 1)][1:]
        return [statistics.median(column) for column in zip(*times, strict=True)]

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def picture(height: int, width: int, device: torch.device) -> Tensor:
    """Smooth colours with a little noise, 1 3 h w."""
    generator = torch.Generator().manual_seed(0)
    smooth = interpolate(torch.rand(1, 3, 9, 12, generator=generator), (height, width), mode="bicubic") * 255
    return (smooth + torch.randn(smooth.shape, generator=generator) * 4).clamp(0, 255).to(device)


def loop_over_pixels(features: Tensor, values: Tensor, rows: int) -> Tensor:
    """The exact sum of the first rows, a pixel at a time."""
    return torch.stack(
        [((features - features[i]).square().sum(1, keepdim=True) / -2).exp().mul(values).sum(0) for i in range(rows)]
    )


def loop_over_vertices(features: Tensor, values: Tensor) -> Tensor:
    """The lattice as a dictionary, a pixel and a vertex at a time."""
    origin, rank, weights = enclosing_simplex(features)
    corners, d = vertices(origin, rank).tolist(), features.shape[1]
    table: dict[tuple[int, ...], Tensor] = {}
    for pixel, own in enumerate(corners):
        for corner, key in enumerate(map(tuple, own)):
            table[key] = table.get(key, torch.zeros_like(values[0])) + weights[pixel, corner] * values[pixel]
    for axis in range(d + 1):
        old, table = table, {}
        for key, value in old.items():
            for sign in (1, -1):
                near = old.get(tuple(x + sign * (1 - (d + 1) * (i == axis)) for i, x in enumerate(key)))
                value = value if near is None else value + near / 2
            table[key] = value
    gathered = [sum(weights[p, c] * table[tuple(k)] for c, k in enumerate(own)) for p, own in enumerate(corners)]
    return torch.stack(gathered) / (1 + 2.0**-d)


def row(what: str, own: float, floor: float | None = None, against: str = "", theirs: float | None = None) -> Row:
    """A line of the table, printed."""
    line = (what, own, floor, floor and own / floor, against, theirs, theirs and theirs / own)
    print(*(f"{x:.3g}" if isinstance(x, float) else x or "-" for x in line), sep=" | ", flush=True)
    return line


def bench_energy(clock: Clock) -> list[Row]:
    """64 x 64 pixels, 21 classes: forward and backward, against a loop over pixels and against no checks."""
    device, side, classes = clock.device, 64, 21
    image, energy = picture(side, side, device), DenseEnergy()
    probabilities = torch.rand(1, classes, side, side, device=device).softmax(1).requires_grad_()
    features = positions_and_colours(image, (energy.xy,) * 2, energy.rgb)[0]
    values, rows, block = probabilities.detach().flatten(2).mT[0], 64, torch.zeros(256, 256, device=device)
    out = torch.empty_like(block)
    loop = clock.median(lambda: loop_over_pixels(features, values, rows)) * side * side / rows
    pairs, square = (side * side) ** 2 / 2, torch.rand(512, 512, device=device)
    exponential = clock.median(lambda: [torch.exp(block, out=out) for _ in range(16)]) / 16 / block.numel()
    multiplication = clock.median(lambda: square @ square) / 512**3
    floor = pairs * (exponential + multiplication * (features.shape[1] + 2 + 2 * (classes + 1)))
    both = clock.median(lambda: energy(probabilities, image).sum().backward())
    return [
        row(f"energy 64x64x{classes}, forward and backward", both, floor, "loop over pixels, forward, scaled", loop)
    ]


def bench_lattice(clock: Clock) -> list[Row]:
    """320 x 240 pixels, 21 classes, and the size at which the exact sum runs too."""
    device, classes = clock.device, 21
    features = positions_and_colours(picture(240, 320, device), (80.0, 80.0), 13.0)
    values = torch.rand(1, features.shape[1], classes, device=device)
    lattice = Lattice.of(features)
    moved = (2 * values.numel() + 2 * 7 * lattice.vertices * classes) * 4
    large, copy = torch.zeros(2, 2**24, device=device)
    floor = clock.median(lambda: copy.copy_(large)) / (8 * large.numel()) * moved
    few = 2000
    loop = clock.once(lambda: loop_over_vertices(features[0, :few], values[0, :few])) * features.shape[1] / few
    lines = [
        row(f"lattice 320x240, build ({lattice.vertices} vertices)", clock.median(lambda: Lattice.of(features))),
        row(f"lattice 320x240x{classes}, filter", clock.median(lambda: lattice.apply(values)), floor),
        row(
            f"lattice 320x240x{classes}, build and filter",
            clock.median(lambda: Lattice.of(features).apply(values)),
            None,
            "dictionary of vertices, scaled",
            loop,
        ),
    ]
    small = positions_and_colours(picture(96, 128, device), (32.0, 32.0), 13.0)
    few_values = torch.rand(1, small.shape[1], classes, device=device)
    built = Lattice.of(small)
    own, exact = clock.medians(lambda: built.apply(few_values), lambda: gaussian_sum(small, few_values))
    lines.append(row(f"lattice 128x96x{classes}, filter", own, None, "exact sum", exact))
    whole = clock.median(lambda: Lattice.of(small).apply(few_values))
    lines.append(row(f"lattice 128x96x{classes}, build and filter", whole, None, "exact sum", exact))
    image, crf = picture(240, 320, device), DenseCrf()
    scores = torch.rand(1, classes, 240, 320, device=device).softmax(1)
    lines.append(row("dense CRF 320x240x21, 10 iterations", clock.median(lambda: crf(scores, crf.edges(image)))))
    return lines


def bench_checks(clock: Clock) -> list[Row]:
    """The loss with its argument checks, and the checks by themselves."""
    device, generator = clock.device, torch.Generator().manual_seed(0)
    image = picture(256, 256, device).expand(2, -1, -1, -1)
    given = (torch.randn(2, 54, 64, 64, generator=generator), torch.randn(2, 53, generator=generator))
    logits, class_logits, maps = (x.to(device) for x in (*given, torch.rand(2, 53, 64, 64, generator=generator)))
    tags = torch.zeros(2, 53, dtype=torch.bool, device=device)
    tags[:, :4] = True
    logits.requires_grad_()
    loss = Cls2PixelLoss(warm_up=0)

    def step() -> None:
        torch.stack(list(loss(logits, class_logits, maps, image, tags, 0).values())).sum().backward()

    def checks() -> None:
        loss._check(logits, class_logits, maps, image, tags, {})
        torch.isfinite(maps.sum() + image.sum()).item()

    whole, part = clock.median(step), clock.median(checks)
    print(f"argument checks: {part / whole:.2%} of a step")
    return [row("loss 2 x 64x64x54, forward and backward", whole), row("of which argument checks", part)]


def write(path: Path, rows: list[Row], device: torch.device) -> None:
    """A CSV under a temporary name first, with what it was measured on."""
    text = io.StringIO()
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    text.write(
        f"# {machine}, {torch.get_num_threads()} threads, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}\n"
    )
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *([x if x is not None else "" for x in r] for r in rows)])
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text.getvalue())
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def main() -> None:
    """Measure, print, and write the table when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    clock = Clock(options.device, options.rounds)
    print(*COLUMNS, sep=" | ")
    rows = [*bench_energy(clock), *bench_lattice(clock), *bench_checks(clock)]
    if options.csv:
        write(options.csv, rows, options.device)


if __name__ == "__main__":
    main()
