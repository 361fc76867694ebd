"""How fast the front filter is beside moocore, pymoo, paretoset and optuna, all in one run.

    OMP_NUM_THREADS=1 python tools/bench_front.py            # about a minute of one core
    OMP_NUM_THREADS=1 python tools/bench_front.py --shapes   # every size and shape against moocore only

Numbers are medians of CPU seconds; calls take turns. `moocore` gets a ready matrix to minimise, as pymoo gives it;
`moocore, two arrays` starts from costs and qualities, as the filter of cqb-pareto does. With --shapes, every mask is
compared with moocore's before it is timed. paretoset and optuna are timed where they are installed.
"""

import argparse
import csv
import importlib
import io
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import moocore
import numpy as np
from readme_tables import rewrite

from cqb_pareto import Objectives, fit_quality, named_prices, nondominated, paper_pilots, sample_uniform
from cqb_pareto.atomic import write_atomically

RESULTS = Path(__file__).parents[1] / "packages/cqb-pareto/results"
SIZES = (1, 3, 10, 20, 50, 100, 200, 300, 301, 400, 500, 1000, 4096, 30_000, 30_001, 100_000, 1_000_000)
KINDS = ("P", "I", "B", "S")
Cloud = tuple[np.ndarray, np.ndarray]


def clouds(size: int, rng: np.random.Generator) -> dict[str, Cloud]:
    """Costs and qualities of every shape."""
    x, order = rng.random(size), rng.permutation(size) / size
    rising = np.sort(rng.random(size))
    return {
        "uniform": (x, rng.random(size)),
        "allocations": allocations(size, rng),
        "all on the front": (order, order.copy()),
        "all on the front, sorted": (rising, rising.copy()),
        "near the front": (x, x + rng.normal(0, 1e-3, size)),
        "worst first, sorted": (rising, -rising),
        "integers 0 to 9": (rng.integers(0, 10, size) * 1.0, rng.integers(0, 10, size) * 1.0),
        "integers 0 to 999": (rng.integers(0, 1000, size) * 1.0, rng.integers(0, 1000, size) * 1.0),
        "integers 0 to 2": (rng.integers(0, 3, size) * 1.0, rng.integers(0, 3, size) * 1.0),
        "copies of one point": (np.zeros(size), np.zeros(size)),
        "copies of two front points": (order.round(), order.round()),
        "copies, all on the front": ((order * 50).round(), (order * 50).round()),
        "heavy tail": (np.exp(5 * rng.standard_normal(size)), x),
    }


def allocations(size: int, rng: np.random.Generator) -> Cloud:
    """(cost, PQ) of Dirichlet allocations over P, I, B and S by the paper's Table 2 and stated prices."""
    objectives = Objectives.of(fit_quality(paper_pilots(), KINDS, draws=2), named_prices("paper-text"))
    return objectives.evaluate(sample_uniform(4, size, rng))


def timed(calls: dict[str, Callable[[], object]], rounds: int = 15, span: float = 0.003) -> dict[str, float]:
    """Median CPU seconds of each call. Calls take turns, so that a busy machine slows all of them alike; short ones are
    timed in loops of about `span` seconds, and those above a second three times.
    """
    loops, times = {}, {name: [] for name in calls}
    for name, call in calls.items():
        begin = time.process_time()
        call()
        loops[name] = max(1, int(span / max(time.process_time() - begin, 1e-6)))
        rounds = min(rounds, 15 if time.process_time() - begin < 0.1 else 5 if time.process_time() - begin < 1 else 3)
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.process_time()
            for _ in range(loops[name]):
                call()
            times[name].append((time.process_time() - begin) / loops[name])
    return {name: float(np.median(taken)) for name, taken in times.items()}


def rivals(costs: np.ndarray, qualities: np.ndarray) -> dict[str, Callable[[], object]]:
    """The filters that are installed, by name."""
    points = np.column_stack([costs, -qualities])

    def two_arrays() -> object:
        return moocore.is_nondominated(np.column_stack([costs, qualities]), maximise=(False, True), keep_weakly=True)

    calls: dict[str, Callable[[], object]] = {
        "cqb-pareto": lambda: nondominated(costs, qualities),
        "moocore": lambda: moocore.is_nondominated(points, keep_weakly=True),
        "moocore, two arrays": two_arrays,
    }
    if pymoo := _module("pymoo.util.nds.non_dominated_sorting"):
        calls["pymoo"] = lambda: pymoo.NonDominatedSorting().do(points, only_non_dominated_front=True)
    if paretoset := _module("paretoset"):
        calls["paretoset"] = lambda: paretoset.paretoset(points, sense=["min", "min"], distinct=False)
    if optuna := _module("optuna.study._multi_objective"):
        calls["optuna"] = lambda: optuna._is_pareto_front(points, assume_unique_lexsorted=False)
    return calls


def _module(name: str):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def compare() -> list[list[object]]:
    """Every filter on a million uniform points, a million allocations, and smaller clouds."""
    rows: list[list[object]] = [["cloud", "points", "on the front", "filter", "seconds", "times cqb-pareto's"]]
    for size in (1000, 100_000, 1_000_000):
        for name, (costs, qualities) in clouds(size, np.random.default_rng(0)).items():
            if name not in ("uniform", "allocations", "all on the front"):
                continue
            calls = {label: call for label, call in rivals(costs, qualities).items() if not _endless(label, name, size)}
            taken = timed(calls)
            count = int(nondominated(costs, qualities).sum())
            rows += [
                [name, size, count, label, f"{s:.6f}", f"{s / taken['cqb-pareto']:.2f}"] for label, s in taken.items()
            ]
            print(*rows[-len(taken) :], sep="\n", flush=True)
    return rows


def _endless(label: str, cloud: str, size: int) -> bool:
    """Paretoset compares all points with the front: minutes to days when all are on it."""
    return cloud == "all on the front" and size > 1000 and label == "paretoset"


def shapes(sizes: Sequence[int], known: list[list[object]]) -> list[list[object]]:
    """The filter against moocore at some sizes and every shape, masks compared first; rows of other sizes stay."""
    rows: list[list[object]] = [["cloud", "points", "seconds", "moocore", "moocore, two arrays", "of moocore's time"]]
    for size in SIZES:
        if size not in sizes:
            rows += [row for row in known if row[1] == str(size)]
            continue
        for name, (costs, qualities) in clouds(size, np.random.default_rng(size)).items():
            calls = rivals(costs, qualities)
            if not np.array_equal(calls["cqb-pareto"](), calls["moocore"]()):
                raise RuntimeError(f"masks differ: {name}, {size} points")
            taken = timed({label: calls[label] for label in ("cqb-pareto", "moocore", "moocore, two arrays")})
            own, ready, both = taken.values()
            rows.append([name, size, *(f"{s:.3g}" for s in (own, ready, both)), f"{own / ready:.2f}"])
            print(*rows[-1], flush=True)
    return rows


def million() -> list[list[object]]:
    """A million allocations sampled, evaluated and filtered: seconds of one core, and the process's peak memory."""
    objectives = Objectives.of(fit_quality(paper_pilots(), KINDS, draws=2), named_prices("paper-text"))
    rng = np.random.default_rng(0)

    def run() -> object:
        return nondominated(*objectives.evaluate(sample_uniform(4, 1_000_000, rng)))

    taken = timed({"run": run}, rounds=5)["run"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"a million allocations: {taken:.3f} s, process peak {peak:.2f} GiB", flush=True)
    return [["what", "seconds", "peak GiB"], ["sampled, evaluated, filtered", taken, peak]]


def table(folder: Path) -> str:
    """The README's table from the last comparison: milliseconds of each filter."""
    rows = list(csv.DictReader((folder / "front-rivals.csv").read_text("utf-8").splitlines()))
    filters = list(dict.fromkeys(row["filter"] for row in rows))
    taken = {(row["cloud"], row["points"], row["filter"]): 1000 * float(row["seconds"]) for row in rows}
    lines = ["| cloud | points | " + " | ".join(f"{name} (ms)" for name in filters) + " |"]
    lines.append("| --- " * (len(filters) + 2) + "|")
    for cloud, points in dict.fromkeys((row["cloud"], row["points"]) for row in rows):
        cells = [taken.get((cloud, points, name)) for name in filters]
        shown = " | ".join("not run" if ms is None else f"{ms:.3g}" for ms in cells)
        lines.append(f"| {cloud} | {points} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Write the tables as CSV, or the README's from them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", action="store_true", help="every size and shape against moocore")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, choices=SIZES, help="of --shapes, to time again")
    parser.add_argument("--table", action="store_true", help="put the table of the last results into the README")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.table:
        rewrite(RESULTS.parent / "README.md", lambda name: table(options.out) + "\n" if name == "front" else None)
        return
    runs: dict[str, Callable[[], list[list[object]]]] = {"front-million": million, "front-rivals": compare}
    if options.shapes:
        old = options.out / "front-shapes.csv"
        known = list(csv.reader(old.read_text("utf-8").splitlines())) if old.exists() else []
        runs = {"front-shapes": lambda: shapes(options.sizes, known)}
    for name, run in runs.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(run())
        write_atomically(options.out / f"{name}.csv", text.getvalue())


if __name__ == "__main__":
    main()
