"""CorLoc of `cqb_weak.examples.tags_to_boxes` over seeds, as a CSV file.

hatch run python tools/learn_weak_cls2box.py [--seeds 5] [--csv FILE]
"""

import argparse
import csv
import os
from pathlib import Path

from cqb_weak.examples.tags_to_boxes import compare


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--csv", type=Path, help="file to write the rows to")
    given = parser.parse_args()
    rows: list[dict[str, str | int]] = []
    for seed in range(given.seeds):
        corloc = {name: f"{value:.3f}" for name, value in compare(seed).items()}
        command = f"python -m cqb_weak.examples.tags_to_boxes --seed {seed}"
        rows.append({"seed": seed} | corloc | {"command": command})
        print(rows[-1])
    if given.csv:
        temporary = given.csv.with_name(f".{given.csv.name}.tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(given.csv)


if __name__ == "__main__":
    main()
