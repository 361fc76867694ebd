"""How fast the dense energy and the permutohedral lattice are, beside the obvious loops and the exact sum, in one run.

    OMP_NUM_THREADS=1 python tools/bench_weak_cls2pixel.py --csv packages/cqb-weak/results/bench_cls2pixel.csv

`floor` is what the same machine needs, in the same run, for the least work that the operation cannot avoid:

- exact sum: half of the n^2 exponentials (the kernel is symmetric), timed as torch's own exp on a block in cache, and
  the multiplications of two matrix products, timed as torch's own product of 512 x 512;
- lattice filter: bytes moved once through memory (values read for splatting, each vertex read and written once an axis,
  values written), timed by copying a large tensor.

The loops run on fewer pixels and are scaled by n (pixels; n^2 for the pairs), which the row says. `weak_bench` says how
it measures.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from weak_bench import Bench, gradients, run

from cqb_weak.cls2pixel import Cls2PixelLoss, DenseCrf, DenseEnergy
from cqb_weak.cls2pixel.pixels import positions_and_colours
from cqb_weak.permutohedral import Lattice, gaussian_sum
from cqb_weak.permutohedral.simplex import enclosing_simplex, vertices


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


def bench_energy(bench: Bench) -> None:
    """64 x 64 pixels, 21 classes: against a loop over pixels."""
    device, side, classes = bench.device, 64, 21
    image, energy = picture(side, side, device), DenseEnergy()
    probabilities = torch.rand(1, classes, side, side, device=device).softmax(1).requires_grad_()
    features = positions_and_colours(image, (energy.xy,) * 2, energy.rgb)[0]
    values, rows, block = probabilities.detach().flatten(2).mT[0], 64, torch.zeros(256, 256, device=device)
    out, square = torch.empty_like(block), torch.rand(512, 512, device=device)
    step = gradients(lambda: energy(probabilities, image).sum(), [probabilities])
    exponentials, product, loop = bench.medians(
        lambda: [torch.exp(block, out=out) for _ in range(16)],
        lambda: square @ square,
        lambda: loop_over_pixels(features, values, rows),
    )
    (own,) = bench.medians(step, rounds=3)
    work = exponentials / 16 / block.numel() + product / 512**3 * (features.shape[1] + 2 + 2 * (classes + 1))
    what = f"dense energy, {side} x {side} pixels, {classes} classes"
    bench.add(
        what, own, (side * side) ** 2 / 2 * work, "loop over pixels, forward only, scaled", loop * side * side / rows
    )


def bench_lattice(bench: Bench) -> None:
    """320 x 240 pixels, 21 classes, and a size at which the exact sum runs too. Forward only."""
    device, classes = bench.device, 21
    features = positions_and_colours(picture(240, 320, device), (80.0, 80.0), 13.0)
    values = torch.rand(1, features.shape[1], classes, device=device)
    lattice = Lattice.of(features)
    build, own, both = bench.medians(
        lambda: Lattice.of(features),
        lambda: lattice.apply(values),
        lambda: Lattice.of(features).apply(values),
        rounds=3,
    )
    few = 1000
    loop = bench.once(lambda: loop_over_vertices(features[0, :few], values[0, :few])) * features.shape[1] / few
    floor = (2 * values.numel() + 2 * 7 * lattice.vertices * classes) * 4 * bench.ms_a_byte
    bench.add(f"lattice 320 x 240, {lattice.vertices} vertices: build", build)
    bench.add(f"lattice 320 x 240 x {classes}: filter, forward", own, floor)
    bench.add(
        f"lattice 320 x 240 x {classes}: build and filter, forward", both, None, "dictionary of vertices, scaled", loop
    )
    small = positions_and_colours(picture(96, 128, device), (32.0, 32.0), 13.0)
    few_values = torch.rand(1, small.shape[1], classes, device=device)
    own, exact = bench.medians(
        lambda: Lattice.of(small).apply(few_values), lambda: gaussian_sum(small, few_values), rounds=3
    )
    bench.add(f"lattice 128 x 96 x {classes}: build and filter, forward", own, None, "exact sum", exact)


def bench_crf(bench: Bench) -> None:
    """The mean field behind the pseudo labels."""
    image, crf, classes = picture(240, 320, bench.device), DenseCrf(), 21
    scores = torch.rand(1, classes, 240, 320, device=bench.device).softmax(1)
    (own,) = bench.medians(lambda: crf(scores, crf.edges(image)), rounds=1)
    bench.add(f"dense CRF 320 x 240 x {classes}, 10 iterations", own)


def bench_loss(bench: Bench) -> None:
    """The whole loss."""
    device, generator = bench.device, torch.Generator().manual_seed(0)
    image = picture(256, 256, device).expand(2, -1, -1, -1)
    given = (torch.randn(2, 54, 64, 64, generator=generator), torch.randn(2, 53, generator=generator))
    logits, class_logits, maps = (x.to(device) for x in (*given, torch.rand(2, 53, 64, 64, generator=generator)))
    tags = torch.zeros(2, 53, dtype=torch.bool, device=device)
    tags[:, :4] = True
    logits.requires_grad_()
    for warm_up, what in ((0, "with pseudo labels and energy"), (1, "during warm-up: tags only")):
        loss = Cls2PixelLoss(warm_up=warm_up)
        step = gradients(
            lambda loss=loss: torch.stack(list(loss(logits, class_logits, maps, image, tags, 0).values())).sum(),
            [logits],
        )

        (own,) = bench.medians(step, rounds=3)
        bench.add(f"loss, 2 x 64 x 64 x 54, {what}", own)


def measure(bench: Bench) -> None:
    """All rows."""
    bench_energy(bench)
    bench_lattice(bench)
    bench_crf(bench)
    bench_loss(bench)


if __name__ == "__main__":
    run(__doc__, measure)
