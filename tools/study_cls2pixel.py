"""What Cls2Pixel's parts do to the stuff of drawn scenes: the module in several forms, beside baseline and upper bound.

    hatch run python tools/study_cls2pixel.py run --data DATA --out DIR     # goes on where it was stopped
    hatch run python tools/study_cls2pixel.py record --data DATA --out DIR  # what is done so far, into the CSV
    hatch run python tools/study_cls2pixel.py table                         # from there into cqb-net's README

DATA is `cqb-net data scenes DATA --train 240 --val 100`. A tenth of the images owns all labels, the others image tags
(of the upper bound, stuff maps). Config, length and seeds are those of `tools/claims.py`.
"""

import argparse
import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

from claims import SETTINGS, rows
from readme_tables import markdown, rewrite

from cqb_core import Labels
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.files import replacing
from cqb_net.pilots import LocalProcesses
from cqb_net.pilots.execution import Job
from cqb_net.pilots.local import gpus_here
from cqb_net.pilots.pilot import Pilot, Recipe
from cqb_net.pilots.training import data_fingerprint, finished, run_pilot

PACKAGE = Path(__file__).parents[1] / "packages" / "cqb-net"
RESULTS = PACKAGE / "results" / "scenes-cls2pixel.csv"
COLUMNS = ("way", "seed", "labels", "options", "pq", "pq_th", "pq_st", "miou", "iterations", "key", "commit")
SHOWN = ("pq_st", "pq_th", "miou")
MODULE = "Cls2Pixel"
PAPER: dict[str, Any] = {"evidence": "maps", "absent_weight": 0.0, "energy": {"xy": 100.0}}
"""The module as the paper has it, apart from the weights."""

WAYS: dict[str, dict[str, Any] | None] = {
    "no module": None,
    "labels of activation maps, energy": {},
    "labels of activation maps alone": {"energy_weight": 0.0},
    "energy alone": {"pseudo_weight": 0.0},
    "absent classes alone": {"energy_weight": 0.0, "pseudo_weight": 0.0, "absent_weight": 1.0},
    "absent classes, energy over 35 pixels": {"pseudo_weight": 0.0, "absent_weight": 1.0, "energy": {"xy": 35.0}},
    "absent classes, labels of the segmentation": {
        "energy_weight": 0.0,
        "evidence": "segmentation",
        "absent_weight": 1.0,
    },
    "absent classes, labels of both": {"energy_weight": 0.0, "evidence": "coupled", "absent_weight": 1.0},
    "labels of both, energy over 35 pixels": {"evidence": "coupled", "energy": {"xy": 35.0}},
    "absent classes, labels of both, energy over 35 pixels": {
        "evidence": "coupled",
        "absent_weight": 1.0,
        "energy": {"xy": 35.0},
    },
    "stuff maps, no module": None,
}
"""What is changed of `PAPER`; None for no module."""


def main() -> None:
    """Run, record or tabulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("run", "record", "table"))
    parser.add_argument("--data", type=Path, help="the scenes")
    parser.add_argument("--out", type=Path, help="folder of the trainings")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.verb == "table":
        rewrite(PACKAGE / "README.md", lambda name: table() if name == "scenes-cls2pixel" else None)
        return
    if arguments.data is None or arguments.out is None:
        parser.error("--data and --out are wanted")
    pilots = [(way, planned(way, seed, arguments.data)) for seed in range(arguments.seeds) for way in WAYS]
    if arguments.verb == "run":
        run([pilot for _, pilot in pilots], arguments.data.resolve(), arguments.out.resolve())
    else:
        record(pilots, arguments.out)


def planned(way: str, seed: int, data: Path) -> Pilot:
    """The training of a way."""
    setting, changed = SETTINGS["scenes"], WAYS[way]
    place = [auxiliary["type"] for auxiliary in Recipe.of(setting.config).content["model"]["auxiliaries"]].index(MODULE)
    options = {} if changed is None else PAPER | changed
    recipe = Recipe.of(
        setting.config,
        setting.epochs,
        {f"model.auxiliaries.{place}.{name}": value for name, value in options.items()},
    )
    modules = () if changed is None else (MODULE,)
    rest = Labels.STUFF if way.startswith("stuff maps") else Labels.IMAGE
    shares = {Labels.PANOPTIC: setting.shares[0], rest: 1 - setting.shares[0]}
    fingerprint = data_fingerprint(*(read_split(find_split(data, split)) for split in ("train", "val")))
    return Pilot(recipe.with_modules(modules), recipe.name, recipe.options, shares, modules, seed, fingerprint)


def run(pilots: list[Pilot], data: Path, out: Path) -> None:
    """Train what is missing."""
    left = [pilot for pilot in pilots if finished(out / pilot.key) is None]
    jobs = [Job(pilot.key, partial(run_pilot, pilot, data, out / pilot.key, False)) for pilot in left]
    for outcome in LocalProcesses(gpus=gpus_here()).run(jobs):
        print(outcome.key, outcome.error or f"PQ of stuff {outcome.value['pq_st']:.1f}", flush=True)


def record(pilots: list[tuple[str, Pilot]], out: Path) -> None:
    """Write the CSV of what is done."""
    with replacing(RESULTS) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for way, pilot in pilots:
            result = finished(out / pilot.key)
            if result is not None:
                labels = " ".join(f"{owned.short}={share:g}" for owned, share in pilot.allocation.items())
                options = json.dumps(WAYS[way]) if WAYS[way] is not None else ""
                more = {"way": way, "seed": pilot.seed, "labels": labels, "options": options, "key": pilot.key}
                writer.writerow({**result, **more})


def table() -> str:
    """Every run."""
    lines = [[row["way"], row["seed"], *(f"{float(row[name]):.1f}" for name in SHOWN)] for row in rows(RESULTS)]
    return markdown(["on images with tags", "seed", "PQ stuff", "PQ things", "mIoU"], lines)


if __name__ == "__main__":
    main()
