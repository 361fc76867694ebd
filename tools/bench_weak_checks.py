"""What the checks of arguments take of a loss, forward and backward: the same step with and without them, in turns.

    OMP_NUM_THREADS=1 python tools/bench_weak_checks.py packages/cqb-weak/results/checks.csv [--seconds 8]

Processor time of one process, so that other programs disturb it less. Two states: warm, step after step, and cold,
after 64 MiB were written, as a network in between leaves the caches. Reported is the median difference as a share of
the median step, with half the width of the interval that holds the median in 19 of 20 cases.
"""

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import bench_weak_box2mask as box2mask
import bench_weak_cls2box as cls2box
import torch
from revision import commit
from torch import Tensor
from weak_bench import Call, gradients
from weak_results import Row, write

import cqb_weak.cls2pixel.loss as cls2pixel_loss
from cqb_weak.cls2pixel import Cls2Pixel, Cls2PixelLoss
from cqb_weak.form import Form
from cqb_weak.values import Values

OFF: dict[tuple[object, str], Callable[..., object]] = {
    (Values, "index"): lambda self, name, index, count: index.long(),
    (Values, "boxes"): lambda self, **boxes: None,
    (Values, "check"): lambda self, results=(), **causes: None,
    (Cls2PixelLoss, "_check"): lambda self, *given: None,
    (cls2pixel_loss, "finite"): lambda results, **causes: None,
    (cls2pixel_loss, "sums"): lambda *tensors: [],
}
"""What takes the place of the checks (owner and name); a form gives the sizes that it found before."""
DAMP = 20
FEWEST, MOST = 30, 3000


class Switch:
    """Whether the checks are made."""

    on = True


@contextmanager
def switchable(off: Mapping[tuple[object, str], Callable[..., object]]) -> Iterator[Switch]:
    """Functions (owner and name) that give way to others, and forms that say what they said before, while the switch is
    off. All stay patched throughout: Python forgets what it knows of a class whenever one of its functions is replaced.
    """
    switch, found = Switch(), dict[Form, dict[str, int]]()
    check = Form.check

    def sizes(form: Form, *tensors: Tensor | None, **bound: int) -> dict[str, int]:
        if switch.on or form not in found:
            found[form] = check(form, *tensors, **bound)
        return found[form]

    def either(real: Callable[..., object], instead: Callable[..., object]) -> Callable[..., object]:
        return lambda *given, **named: (real if switch.on else instead)(*given, **named)

    with ExitStack() as stack:
        for (owner, name), instead in off.items():
            stack.enter_context(patch.object(owner, name, either(getattr(owner, name), instead)))
        stack.enter_context(patch.object(Form, "check", sizes))
        yield switch


def _share(differences: Sequence[float], whole: float) -> tuple[float, float]:
    """Median difference, and half its interval of 95 % by order statistics, both as shares of the whole."""
    ordered, n = sorted(differences), len(differences)
    reach = math.ceil(0.98 * math.sqrt(n))
    low, high = ordered[max(n // 2 - reach, 0)], ordered[min(n // 2 + reach, n - 1)]
    return statistics.median(ordered) / whole, (high - low) / 2 / whole


def shares(step: Call, seconds: float, switch: Switch) -> Row:
    """What the checks take in either state, in percent, and milliseconds of the warm step with them."""
    large = torch.zeros(2**24)
    row: Row = {}
    for state, before in (("cold", lambda: large.fill_(0)), ("warm", lambda: None)):
        for _ in range(DAMP):
            step()
        begin = time.process_time()
        before()
        step()
        turns = min(max(int(seconds / 2 / (time.process_time() - begin)), FEWEST), MOST)
        times: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(turns):
            for switch.on in (True, False) if turn % 2 else (False, True):
                before()
                begin = time.process_time()
                step()
                times[switch.on].append(time.process_time() - begin)
        differences = [a - b for a, b in zip(times[True], times[False], strict=True)]
        share, error = _share(differences, statistics.median(times[True]))
        row[f"{state}_percent"] = f"{100 * share:.1f} ± {100 * error:.1f}"
        row[f"{state}_turns"] = turns
    return {"ms": f"{1e3 * statistics.median(times[True]):.3g}", **row}


def steps() -> Iterator[tuple[str, Call]]:
    """The losses at the sizes of the other benchmarks, and the whole of Cls2Pixel in its warm-up."""
    device = torch.device("cpu")
    for images, proposals, classes in cls2box.SIZES:
        given = cls2box.drawn(images, proposals, classes, device)
        leaves = [given[0], given[1], given[4]]
        what = f"Cls2Box, {images} x {proposals // images} proposals, {classes} classes"
        yield what, gradients(lambda given=given: cls2box.ours(*given), leaves)
    for count in (128, 512):
        boxed = box2mask.inputs(count, device)
        logits = boxed["mask_logits"].requires_grad_()
        what = f"Box2Mask, {count} proposals of {box2mask.SIZE} x {box2mask.SIZE}"
        yield what, gradients(lambda boxed=boxed: box2mask.ours(**boxed), [logits])
    generator = torch.Generator().manual_seed(0)
    image = (255 * torch.rand(1, 3, 256, 256, generator=generator)).expand(2, -1, -1, -1)
    logits, maps = (torch.rand(2, k, 64, 64, generator=generator).requires_grad_() for k in (54, 53))
    tags = (torch.arange(53) < 4).expand(2, -1)
    told = torch.randn(2, 53, generator=generator).requires_grad_()
    for begin, what in ((0, "with pseudo labels and energy"), (1, "during warm-up, the loss alone")):
        loss = Cls2PixelLoss(warm_up=begin)
        yield (
            f"Cls2Pixel, 2 x 64 x 64 x 54, {what}",
            gradients(lambda loss=loss: _total(loss(logits, told, maps, image, tags, 0)), [logits, told]),
        )
    module, feature = Cls2Pixel(128, 53, warm_up=10**9), torch.rand(2, 128, 64, 64, generator=generator)
    yield (
        "Cls2Pixel, 2 x 64 x 64 x 54, during warm-up, with its branch on 128 channels",
        gradients(
            lambda: _total(module(feature.requires_grad_(), logits, image, tags)), [feature, *module.parameters()]
        ),
    )


def _total(terms: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def main() -> None:
    """Write a row a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0, help="of processor time for a step in a state")
    given = parser.parse_args()
    rows: list[Row] = []
    with switchable(OFF) as switch:
        for what, step in steps():
            row = {"what": what, **shares(step, given.seconds, switch)}
            rows.append({**row, "load": f"{os.getloadavg()[0]:.1f}", "torch": torch.__version__, "commit": commit()})
            print(rows[-1], flush=True)
            write(given.csv, rows)


if __name__ == "__main__":
    main()
