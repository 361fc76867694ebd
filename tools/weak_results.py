"""The CSV files of cqb-weak, and the tables of its READMEs that are made from them.

    hatch run python tools/weak_results.py

rewrites what stands between `<!-- table NAME -->` and `<!-- end -->` in the README of each method from
`packages/cqb-weak/results/NAME.csv`. `tools/learn_weak.py` and `tools/bench_weak_*.py` write these.
"""

import csv
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import TextIO

PACKAGE = Path(__file__).parents[1] / "packages" / "cqb-weak"
Row = dict[str, str | int]


def write(path: Path, rows: Sequence[Row]) -> None:
    """All rows with a header; the file is whole or not there."""
    _replace(path, lambda file: _write_csv(file, rows))


def _write_csv(file: TextIO, rows: Sequence[Row]) -> None:
    writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _replace(path: Path, fill: Callable[[TextIO], object]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", newline="") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read(name: str) -> list[dict[str, str]]:
    """The rows of a CSV of the package."""
    with (PACKAGE / "results" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def per_seed(rows: list[dict[str, str]]) -> list[list[str]]:
    """A line a seed, two decimals."""
    names = [name for name in rows[0] if name not in ("seed", "command")]
    lines = [[row["seed"], *(f"{float(row[name]):.2f}" for name in names)] for row in rows]
    return [["seed", *names], *lines]


def per_way(rows: list[dict[str, str]]) -> list[list[str]]:
    """A line a way of using the tags: mean over seeds, and from where to where."""
    ways = dict.fromkeys(row["way"] for row in rows)
    lines = [["tags are used", "scores of the loss", "the detector alone"]]
    for way in ways:
        own = [row for row in rows if row["way"] == way]
        spread = [[float(row[name]) for row in own] for name in ("scores", "detector")]
        lines.append([way, *(f"{mean(v):.2f} ({min(v):.2f} to {max(v):.2f})" for v in spread)])
    return lines


def timings(rows: list[dict[str, str]]) -> list[list[str]]:
    """A line a measurement, as `weak_bench.Bench` has them."""
    names = ("what", "ms", "floor_ms", "times_floor", "beside", "beside_ms", "times_faster")
    head = ["forward and backward", "ms", "floor, ms", "times the floor", "beside", "ms", "times faster"]
    return [head, *([row[name] for name in names] for row in rows)]


def checks(rows: list[dict[str, str]]) -> list[list[str]]:
    """A line a step, as `bench_weak_checks` has them."""
    names = ("what", "ms", "warm_percent", "cold_percent")
    head = ["forward and backward", "ms", "checks, warm, %", "checks, cold, %"]
    return [head, *([row[name] for name in names] for row in rows)]


TABLES: dict[str, Callable[[list[dict[str, str]]], list[list[str]]]] = {
    "box2mask": per_seed,
    "cls2pixel": per_seed,
    "cls2box": per_way,
    "cls2box_remedies": per_way,
    "checks": checks,
    "bench_box2mask": timings,
    "bench_cls2pixel": timings,
    "bench_cls2box": timings,
}


def markdown(lines: list[list[str]]) -> str:
    """A Markdown table."""
    return "".join(f"| {' | '.join(line)} |\n" for line in [lines[0], ["---"] * len(lines[0]), *lines[1:]])


def main() -> None:
    """Rewrite every marked table."""
    for readme in (PACKAGE / "README.md", *sorted(PACKAGE.glob("src/cqb_weak/*/README.md"))):
        text = readme.read_text()
        made = re.sub(
            r"(<!-- table (\S+) -->\n).*?(<!-- end -->)",
            lambda found: found[1] + markdown(TABLES[found[2]](read(found[2]))) + found[3],
            text,
            flags=re.DOTALL,
        )
        if made != text:
            _replace(readme, lambda file, made=made: file.write(made))
            print(f"{readme.relative_to(PACKAGE)}: tables written")


if __name__ == "__main__":
    main()
