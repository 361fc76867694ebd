"""How the benchmarks of cqb-weak measure: medians of turns, a floor from the same machine, and one CSV format.

On a processor times are those of the process, so that other programs disturb them less; give it one thread
(`OMP_NUM_THREADS=1`). On a GPU they are wall times around a synchronised call.

What the checks of arguments take is the difference of steps with and without them, in turns in one process, in two
states: warm, the caches full of what was just used, and cold, after 64 MiB were written, as a network in between leaves
them. It is the median of the differences as a share of the median step, each with half the width of the interval that
holds the median in 19 of 20 cases. On a GPU it is not measured: the wait of the one check of values is the loss's own.
"""

import argparse
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor
from weak_results import Row, write

from cqb_weak.form import Form
from cqb_weak.values import Values

Call = Callable[[], object]

SECONDS = 8.0
"""Processor time for the checks of a step in one state."""

OFF: dict[tuple[object, str], Callable[..., object]] = {
    (Values, "index"): lambda self, name, index, count: index.long(),
    (Values, "boxes"): lambda self, **boxes: None,
    (Values, "check"): lambda self, results=(), **causes: None,
}
"""What takes the place of the checks of numbers; a form gives the sizes that it found the first time."""


class Bench:
    """Measures on one device and keeps the rows."""

    def __init__(self, device: torch.device, rounds: int) -> None:
        self.device, self.rounds = device, rounds
        self.rows: list[Row] = []
        self.large = torch.zeros(2**24, device=device)
        copy = torch.empty_like(self.large)
        self.ms_a_byte = self.medians(lambda: copy.copy_(self.large))[0] / (8 * copy.numel())

    def once(self, call: Call) -> float:
        """Milliseconds of one call."""
        begin = self._now()
        call()
        return (self._now() - begin) * 1e3

    def medians(self, *calls: Call, rounds: int | None = None) -> list[float]:
        """Milliseconds of the median call of each, in turns, after a turn that is not counted."""
        times = [[self.once(call) for call in calls] for _ in range((rounds or self.rounds) + 1)][1:]
        return [statistics.median(column) for column in zip(*times, strict=True)]

    def checks(self, step: Call, off: Mapping[tuple[object, str], Callable[..., object]] | None = None) -> Row:
        """What the checks take of a step, in percent: those that `OFF` takes away, and those of `off`."""
        if self.device.type != "cpu":
            return {"checks_cold_percent": "", "checks_warm_percent": ""}
        row: Row = {}
        with switchable({**OFF, **(off or {})}) as switch:
            for state, before in (("cold", lambda: self.large.fill_(0)), ("warm", lambda: None)):
                for _ in range(20):
                    step()
                turns = min(max(int(0.5e3 * SECONDS / self.once(lambda before=before: (before(), step()))), 60), 3000)
                times: dict[bool, list[float]] = {True: [], False: []}
                for turn in range(turns):
                    for checked in (True, False) if turn % 2 else (False, True):
                        switch.on = checked
                        before()
                        times[checked].append(self.once(step))
                differences = [a - b for a, b in zip(times[True], times[False], strict=True)]
                share, error = _share(differences, statistics.median(times[True]))
                row[f"checks_{state}_percent"] = f"{100 * share:.1f} ± {100 * error:.1f}"
        return row

    def add(
        self,
        what: str,
        ms: float,
        floor: float | None = None,
        beside: str = "",
        beside_ms: float | None = None,
        checks: Row | None = None,
    ) -> None:
        """A row, printed as well."""
        row: Row = {"what": what, "ms": _short(ms)}
        row |= {"floor_ms": f"{floor:.2g}" if floor else "", "times_floor": f"{ms / floor:.0f}" if floor else ""}
        row |= {"beside": beside, "beside_ms": _short(beside_ms) if beside_ms else ""}
        row |= {"times_faster": f"{beside_ms / ms:.1f}" if beside_ms else ""}
        row |= checks or {"checks_cold_percent": "", "checks_warm_percent": ""}
        cuda = self.device.type == "cuda"
        row |= {"device": torch.cuda.get_device_name(self.device) if cuda else platform.machine()}
        row |= {"threads": torch.get_num_threads(), "torch": torch.__version__, "load": f"{os.getloadavg()[0]:.1f}"}
        self.rows.append(row)
        print(", ".join(f"{name} {value}" for name, value in row.items() if value != ""), flush=True)

    def _now(self) -> float:
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize(self.device)
        return time.perf_counter()


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


def _short(number: float) -> str:
    """Three digits, or all before the point."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def gradients(loss: Callable[[], Tensor], leaves: list[Tensor]) -> Call:
    """A call that computes the loss and its gradients anew."""

    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        loss().backward()

    return step


def run(description: str | None, measure: Callable[[Bench], None]) -> None:
    """Read the options, measure, and write the rows where asked."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--csv", type=Path, help="file to write the rows to")
    given = parser.parse_args()
    bench = Bench(given.device, given.rounds)
    measure(bench)
    if given.csv:
        write(given.csv, bench.rows)
