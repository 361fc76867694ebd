"""How the benchmarks of cqb-weak measure: medians of turns, a floor from the same machine, and one CSV format.

On a processor times are those of the process, so that other programs disturb them less; give it one thread
(`OMP_NUM_THREADS=1`). On a GPU they are wall times around a synchronised call.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from weak_results import Row, write

Call = Callable[[], object]


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

    def add(
        self,
        what: str,
        ms: float,
        floor: float | None = None,
        beside: str = "",
        beside_ms: float | None = None,
    ) -> None:
        """A row, printed as well."""
        row: Row = {"what": what, "ms": _short(ms)}
        row |= {"floor_ms": f"{floor:.2g}" if floor else "", "times_floor": f"{ms / floor:.0f}" if floor else ""}
        row |= {"beside": beside, "beside_ms": _short(beside_ms) if beside_ms else ""}
        row |= {"times_faster": f"{beside_ms / ms:.1f}" if beside_ms else ""}
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
