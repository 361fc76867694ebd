"""CQB-Net's modules beside other methods on the same labels (Fig. 5), tried on a data set.

    hatch run python tools/compare_methods.py run scenes --data ROOT --out DIR     # goes on where it was stopped
    hatch run python tools/compare_methods.py record scenes --out DIR              # into cqb-bench's results/scenes/
    hatch run python tools/compare_methods.py tables                               # from there into cqb-bench's README

Config and length: `tools/settings.py`. What is recorded of Table 2 is taken over (baselines, upper bounds and
own modules), and so is what is recorded here, so that the trainings may be spread over machines.
"""

import argparse
import shutil
from pathlib import Path

from command_line import verbs
from readme_tables import rewrite
from settings import PACKAGE, SETTINGS

from cqb_bench.bench import run_bench
from cqb_bench.plot import write_plot
from cqb_bench.report import BENCH
from cqb_bench.results import read_results
from cqb_bench.table import markdown
from cqb_bench.tasks import TASKS
from cqb_core.files import replacing
from cqb_net.pilots import LocalProcesses
from cqb_net.pilots.local import gpus_here

BENCH_PACKAGE = PACKAGE.parent / "cqb-bench"
SHARES = {"scenes": (0.1, 0.3, 0.5), "camvid": (0.1,)}
"""Of fully labelled images, by data set."""

SEEDS = 2
RUNS = "runs.csv"


def main() -> None:
    """Run, record or tabulate."""
    parser, parts = verbs(__doc__, SHARES)
    parts["run"].add_argument("--seeds", type=int, default=SEEDS, help="the first so many")
    parts["run"].add_argument("--tasks", default=",".join(TASKS), help="some of these, in this order")
    arguments = parser.parse_args()
    if arguments.verb == "run":
        run(arguments)
    elif arguments.verb == "record":
        record(arguments.out, recorded(arguments.name))
    else:
        rewrite(BENCH_PACKAGE / "README.md", made)


def recorded(name: str) -> Path:
    """The folder of what is committed of a data set's trainings."""
    return BENCH_PACKAGE / "results" / name


def run(arguments: argparse.Namespace) -> None:
    """Train what is missing, one seed of all tasks before the next."""
    setting, executor = SETTINGS[arguments.name], LocalProcesses(arguments.workers, gpus_here())
    known = [PACKAGE / "results" / f"{arguments.name}-table2-runs.csv", recorded(arguments.name) / RUNS]
    for seeds in range(1, arguments.seeds + 1):
        for task in arguments.tasks.split(","):
            run_bench(
                arguments.data,
                setting.config,
                arguments.out,
                task,
                shares=SHARES[arguments.name],
                seeds=seeds,
                epochs=setting.epochs,
                options=setting.options,
                executor=executor,
                reuse=[table for table in known if table.exists()],
            )


def record(out: Path, kept: Path) -> None:
    """Copy the CSVs of what is done, and draw it."""
    kept.mkdir(parents=True, exist_ok=True)
    for name in (BENCH.file, RUNS):
        with replacing(kept / name) as temporary:
            shutil.copyfile(out / name, temporary)
    write_plot(read_results(kept), kept / "plot.png")
    print(f"{kept.relative_to(BENCH_PACKAGE)}: {BENCH.file}, {RUNS}, plot.png")


def made(table: str) -> str | None:
    """The Markdown of `SET-TASK`; None for another table, or one without results."""
    name, _, task = table.rpartition("-")
    if name not in SHARES or task not in TASKS or not (recorded(name) / BENCH.file).exists():
        return None
    standings = read_results(recorded(name)).get(task)
    return f"{markdown(task, standings)}\n" if standings else None


if __name__ == "__main__":
    main()
