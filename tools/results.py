"""The qualities in cqb-core's README: one CSV row a training, and the tables that are made from the CSVs.

    hatch run python tools/results.py record RUN --data DATA --csv FILE --ratio P=1 --seed 0 --command "..."
    hatch run python tools/results.py tables

`record` scores a training folder and appends a row (a row of the same ratio and seed is replaced). `tables` rewrites
what stands between `<!-- table NAME -->` and `<!-- end -->` in cqb-core's README from `results/NAME.csv` beside it.
"""

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean

from readme_tables import markdown, rewrite
from revision import commit

from cqb_core.evaluation.run import evaluate
from cqb_core.files import replacing

ROOT = Path(__file__).parent.parent
SCORES = ("PQ", "low", "high", "PQ_things", "PQ_stuff", "box_AP", "mask_AP", "mIoU")


def main() -> None:
    """Record a run or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("record")
    one.add_argument("run", type=Path)
    for name in ("--data", "--csv"):
        one.add_argument(name, type=Path, required=True)
    for name in ("--ratio", "--seed", "--command"):
        one.add_argument(name, required=True)
    for name in ("--wall-minutes", "--processor-minutes"):
        one.add_argument(name, default="")
    verbs.add_parser("tables")
    arguments = parser.parse_args()
    if arguments.verb == "record":
        record(arguments)
    else:
        tables()


def record(arguments: argparse.Namespace) -> None:
    """Score a run and put its row into the CSV."""
    scores = evaluate(arguments.run, arguments.data).to_json()
    row = {"ratio": arguments.ratio, "seed": arguments.seed, **figures(scores)}
    row |= {"wall_minutes": arguments.wall_minutes, "processor_minutes": arguments.processor_minutes}
    row |= {"images": scores["images"], "commit": commit(), "command": arguments.command}
    rows = [old for old in read(arguments.csv) if (old["ratio"], old["seed"]) != (row["ratio"], row["seed"])]
    rows = sorted([*rows, row], key=lambda r: (r["ratio"], r["seed"]))
    with replacing(arguments.csv) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), restval="")
        writer.writeheader()
        writer.writerows(rows)
    print(json.dumps(row))


def figures(scores: dict) -> dict[str, str]:
    """Headline scores and the PQ of each class, in percent."""
    panoptic, interval = scores["panoptic"], scores["panoptic"]["all"]["interval"]
    values = {
        "PQ": panoptic["all"]["pq"],
        "low": interval["low"],
        "high": interval["high"],
        "PQ_things": panoptic["things"]["pq"],
        "PQ_stuff": panoptic["stuff"]["pq"],
        "box_AP": scores["box"]["ap"],
        "mask_AP": scores["mask"]["ap"],
        "mIoU": scores["mean_iou"]["mean"],
    }
    values |= {f"PQ {row['name']}": row["pq"] for row in panoptic["classes"]}
    return {name: f"{100 * value:.2f}" if value is not None else "" for name, value in values.items()}


def tables() -> None:
    """Rewrite the tables that cqb-core's README marks, other than `scale`, which is bench_scale.py's."""
    readme = ROOT / "packages" / "cqb-core" / "README.md"
    if rewrite(readme, lambda name: None if name == "scale" else table(readme.parent / "results" / f"{name}.csv")):
        print(f"{readme.relative_to(ROOT)}: tables written")


def table(path: Path) -> str:
    """A Markdown table: a row a ratio, means over seeds with their spread where there are several."""
    by_ratio = defaultdict(list)
    for row in read(path):
        by_ratio[row["ratio"]].append(row)
    several = any(len(rows) > 1 for rows in by_ratio.values())
    extra = THIN if not several else ()
    head = ["labels", "seeds", "PQ", "spread" if several else "95 % interval", "PQ things", "PQ stuff", *extra, "mIoU"]
    minutes = ["processor minutes"] if not several else []
    lines = []
    for ratio, rows in sorted(by_ratio.items(), key=lambda item: mean(float(r["PQ"]) for r in item[1])):
        values = [float(row["PQ"]) for row in rows]
        ends = (min(values), max(values)) if several else (float(rows[0]["low"]), float(rows[0]["high"]))
        span = f"{ends[0]:.1f} to {ends[1]:.1f}"
        cells = [ratio, ", ".join(row["seed"] for row in rows), shown(rows, "PQ"), span]
        cells += [shown(rows, name) for name in ("PQ_things", "PQ_stuff", *(f"PQ {n}" for n in extra), "mIoU")]
        cells += [shown(rows, "processor_minutes")] if minutes else []
        lines.append(cells)
    return markdown([*head, *minutes], lines)


THIN = ("pole", "sign", "fence")


def shown(rows: list[dict[str, str]], name: str) -> str:
    """The mean of a column over the rows that have it, one decimal; empty when none has."""
    values = [float(row[name]) for row in rows if row[name]]
    return f"{mean(values):.1f}" if values else ""


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
