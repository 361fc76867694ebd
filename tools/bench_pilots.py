"""What ten thousand pilots cost: seconds and memory, one fresh process a line of the CSV.

    python tools/bench_pilots.py sweep   # into packages/cqb-net/results/scale.csv and the README
    python tools/bench_pilots.py plan    # into packages/cqb-pareto/results/scale.csv and the README

No network is trained. A trivial run returns a result at once, so that what is left is the cost of having so many: of
laying the sweep out, of its tables on disk, of a second start, of the queue, and of a plan from 8 label sets.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from bench_scale import measure_all, measure_and_print, write_rows

COUNT = 10_000
SWEEP = ("lay out a sweep", "run a sweep", "second start", "queue of processes", "end of the queue")
PLAN = ("read a table", "fit responses", "plan", "report")
KINDS = ("I", "B", "M", "S", "B+S", "dots", "scribbles")
RUN_OF_QUEUE = 100


class AtOnce:
    """An executor whose jobs have ended before they begin."""

    slots = 2

    def __init__(self, value: dict) -> None:
        self.value = value

    def run(self, jobs: Sequence) -> Iterator:
        """The same result for every job."""
        from cqb_net.pilots.execution import Outcome

        for job in jobs:
            yield Outcome(job.key, self.value)


def measure_sweep(case: str, root: Path) -> dict:
    """One of `SWEEP`, in this process."""
    if case in ("queue of processes", "end of the queue"):
        return _queue(ends=case.startswith("end"))
    sweep, seconds = _sweep(root)
    if case == "lay out a sweep":
        return {"seconds": seconds, "detail": f"{len(sweep.trainings)} trainings on 8 images"}
    from cqb_net.pilots.runs import MEASURED
    from cqb_net.pilots.sweep import run_sweep

    began = time.monotonic()
    run_sweep(sweep, root / "out", AtOnce(dict.fromkeys(MEASURED, 1.0)), check=False, progress=False)
    seconds = time.monotonic() - began
    return {"seconds": seconds, "detail": f"{len(sweep.trainings) / seconds:.0f} trainings a second, on disk"}


def _sweep(root: Path):
    from cqb_core import Labels
    from cqb_core.testing import drawn
    from cqb_net.pilots.pilot import Recipe
    from cqb_net.pilots.planning import plan_sweep
    from cqb_net.pilots.protocol import Entry

    scenes = root / "scenes" if (root / "scenes").exists() else drawn(root / "scenes")
    entries = [Entry(Labels.BOX, 0.5, "baseline", "", (), seed, "all") for seed in range(COUNT)]
    recipe = Recipe.of("cqb-net_tiny_scenes", 1)
    began = time.monotonic()
    sweep = plan_sweep(scenes, recipe, entries, allow_unseen=True)
    return sweep, time.monotonic() - began


def _queue(ends: bool) -> dict:
    from cqb_net.pilots.execution import Job
    from cqb_net.pilots.local import LocalProcesses

    executor = LocalProcesses(2)
    outcomes = executor.run([Job(str(number), os.getpid) for number in range(COUNT)])
    next(outcomes)
    began = time.monotonic()
    if not ends:
        taken = [outcome for outcome in islice(outcomes, RUN_OF_QUEUE) if not outcome.error]
        seconds = time.monotonic() - began
        outcomes.close()
        return {"seconds": seconds, "detail": f"{len(taken)} of {COUNT} queued; {len(taken) / seconds:.1f} a second"}
    outcomes.close()
    return {"seconds": time.monotonic() - began, "detail": f"stopped with {COUNT} queued"}


def measure_plan(case: str, root: Path) -> dict:
    """One of `PLAN`, in this process."""
    from cqb_pareto import Price, PriceList, fit_quality, read_pilots
    from cqb_pareto.report import Page, write_report
    from cqb_pareto.study import study

    table = root / "pilots.csv"
    if not table.exists():
        root.mkdir(parents=True, exist_ok=True)
        _write_table(table)
    began = time.monotonic()
    pilots = read_pilots(table)
    found = f"{len(pilots.runs)} runs over {len(pilots.kinds)} label sets"
    if case == "read a table":
        return {"seconds": time.monotonic() - began, "detail": found}
    began = time.monotonic()
    if case == "fit responses":
        fit_quality(pilots)
        return {"seconds": time.monotonic() - began, "detail": found}
    costs = {kind: 1.0 - 0.11 * place for place, kind in enumerate(pilots.kinds)}
    prices = PriceList("drawn", {kind: Price.per_image(kind, 1000 * c, "drawn", 2026) for kind, c in costs.items()})
    made = study(pilots, prices, budget=0.6)
    if case == "report":
        began = time.monotonic()
        page = write_report(Page.of(made), root / "report.html")
        return {"seconds": time.monotonic() - began, "detail": f"{page.stat().st_size / 2**20:.1f} MiB of HTML"}
    return {"seconds": time.monotonic() - began, "detail": f"{found}; expected PQ {made.plan.pq.mid:.1f}"}


def _write_table(path: Path) -> None:
    """Runs at 25 shares of every kind on a surface of the power law, with noise."""
    import numpy as np

    rng, worth = np.random.default_rng(0), np.linspace(0.1, 0.7, len(KINDS))
    shares = np.linspace(0.04, 0.96, 25)
    lines = ["full,rest,share,variant,seed,pq_th,pq_st"]
    seeds = COUNT // (len(shares) * (len(KINDS) + 1))
    for rest, value in (("none", 0.0), *zip(KINDS, worth, strict=True)):
        for share in shares:
            whole = 50 * (1 - (1 + (share + value * (1 - share)) / 0.05) ** -0.8) + rng.normal(0, 0.9, (seeds, 2))
            variant = "baseline" if rest == "none" else "module"
            lines += [f"P,{rest},{share:.4f},{variant},{s},{a:.3f},{b:.3f}" for s, (a, b) in enumerate(whole.clip(0.1))]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Measure the cases and write the CSV, or one case and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("of", choices=("sweep", "plan"), nargs="?", default="sweep")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        what = f"{COUNT:,} pilots"
        measure_and_print(measure_sweep if given.case in SWEEP else measure_plan, given.case, given.root, what)
        return
    package, cases = ("cqb-net", SWEEP) if given.of == "sweep" else ("cqb-pareto", PLAN)
    write_rows(measure_all(__file__, cases), Path(f"packages/{package}/results/scale.csv"))


if __name__ == "__main__":
    main()
