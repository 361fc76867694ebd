"""How good GrabCut's masks are in true boxes, by settings: the table in cqb-bench's README of GrabCut + Faster R-CNN.

    hatch run cqb-net data scenes SCENES --val 40 --seed 1
    hatch run python tools/grabcut.py measure scenes SCENES     # likewise camvid and coco200, with their folders
    hatch run python tools/grabcut.py tables                    # from the CSV into the README

`measure` takes the val split: the settings of `GrabCut` were chosen on images of the train split. The rows of a data
set are replaced in `packages/cqb-bench/results/grabcut.csv`; those of the others stay.
"""

import argparse
import csv
from pathlib import Path

from readme_tables import markdown, rewrite
from revision import commit

from cqb_bench.methods.grabcut_faster_rcnn.cut import CUT, GrabCut
from cqb_bench.methods.grabcut_faster_rcnn.quality import cut_quality
from cqb_core.files import replacing

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "packages" / "cqb-bench"
CSV = PACKAGE / "results" / "grabcut.csv"
README = PACKAGE / "src" / "cqb_bench" / "methods" / "grabcut_faster_rcnn" / "README.md"
SETTINGS = {
    "the box alone, 5 iterations": GrabCut(core=0.0, least=0.0, iterations=5),
    "the box alone": GrabCut(core=0.0, least=0.0),
    "refilled below half": GrabCut(core=0.0),
    "with a middle": GrabCut(least=0.0),
    "both: the default": GrabCut(),
    "both, 5 iterations": GrabCut(iterations=5),
}
"""By name, in the order of the table."""


def main() -> None:
    """Measure a data set or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("measure")
    one.add_argument("name", help="of the data set, in the table")
    one.add_argument("data", type=Path, help="its folder, in COCO panoptic layout")
    verbs.add_parser("tables")
    arguments = parser.parse_args()
    if arguments.verb == "measure":
        kept = [row for row in read() if row["data"] != arguments.name]
        write([*kept, *measure(arguments.name, arguments.data)])
    else:
        rewrite(README, lambda name: table() if name == "grabcut" else None)


def measure(name: str, data: Path) -> list[dict[str, str | int]]:
    """A row a setting."""
    rows = []
    for setting, grabcut in SETTINGS.items():
        made = cut_quality(data, "val", cut=grabcut)
        low, median, high = (f"{value:.1f}" for value in made.milliseconds)
        boxes = sum(made.outcomes.values())
        row = {"data": name, "split": "val", "setting": setting, "core": grabcut.core, "least": grabcut.least}
        row |= {"iterations": grabcut.iterations, "boxes": boxes, "filled": boxes - made.outcomes[CUT]}
        row |= {"iou": f"{made.iou:.3f}", "filled_iou": f"{made.filled_iou:.3f}"}
        row |= {"ms_low": low, "ms": median, "ms_high": high, "seed": grabcut.seed, "commit": commit()}
        rows.append({**row, "command": f"python tools/grabcut.py measure {name} DATA"})
        print(rows[-1])
    return rows


def table() -> str:
    """The Markdown of the CSV."""
    head = ["data", "setting", "boxes", "stayed filled", "mean IoU", "of the filled boxes", "processor ms a box"]
    lines = []
    for row in read():
        times = f"{row['ms']} ({row['ms_low']} to {row['ms_high']})"
        lines.append([*(row[key] for key in ("data", "setting", "boxes", "filled", "iou", "filled_iou")), times])
    return markdown(head, lines)


def read() -> list[dict[str, str]]:
    """The rows so far."""
    if not CSV.exists():
        return []
    with CSV.open(newline="") as file:
        return list(csv.DictReader(file))


def write(rows: list[dict[str, str | int]]) -> None:
    """All rows anew."""
    CSV.parent.mkdir(exist_ok=True)
    with replacing(CSV) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
