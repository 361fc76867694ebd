"""What the parts of a module do on drawn scenes: the module in several forms, beside baseline and upper bound.

    hatch run python tools/study_modules.py run --data DATA --out DIR     # goes on where it was stopped
    hatch run python tools/study_modules.py record --data DATA --out DIR  # what is done so far, into the CSV
    hatch run python tools/study_modules.py tables                        # from there into cqb-net's README

DATA is `cqb-net data scenes DATA --train 240 --val 100`. A tenth of the images owns all labels, the others the module's
weak ones (of the upper bound, finer ones). Config, length and seeds are those of `tools/claims.py`.
"""

import argparse
import csv
import json
from dataclasses import dataclass
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
from cqb_net.pilots.protocol import ROWS, TableRow
from cqb_net.pilots.training import data_fingerprint, finished, run_pilot

PACKAGE = Path(__file__).parents[1] / "packages" / "cqb-net"
RESULTS = PACKAGE / "results" / "scenes-modules.csv"
COLUMNS = (
    *("study", "way", "seed", "labels", "options", "pq", "pq_th", "pq_st", "box_ap", "miou", "iterations", "key"),
    "commit",
)
SHOWN = ("pq_th", "pq_st", "box_ap", "miou")
Options = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """Forms of a module.

    Args:
        row: of Table 2, which says what labels there are.
        paper: the module's options in the paper's form.
        ways: what is changed of them; None for no module.
        upper: name of the training on the row's finer labels, without a module.
    """

    row: TableRow
    paper: Options
    ways: dict[str, Options | None]
    upper: str


NEAR, ABSENT = {"energy": {"xy": 35.0}}, {"absent_weight": 1.0}
BOTH = {"evidence": "coupled"} | ABSENT
STUDIES = {
    "cls2pixel": Study(
        ROWS[3],
        {
            "evidence": "maps",
            "absent_weight": 0.0,
            "energy": {"xy": 100.0},
            "energy_weight": 4.0,
            "warm_up": 0.25,
        },
        {
            "no module": None,
            "labels of activation maps, energy": {},
            "labels of activation maps alone": {"energy_weight": 0.0},
            "energy alone": {"pseudo_weight": 0.0},
            "absent classes alone": {"energy_weight": 0.0, "pseudo_weight": 0.0} | ABSENT,
            "absent classes, energy over 35 pixels": {"pseudo_weight": 0.0} | ABSENT | NEAR,
            "absent classes, labels of the segmentation": {"energy_weight": 0.0, "evidence": "segmentation"} | ABSENT,
            "absent classes, labels of both": {"energy_weight": 0.0} | BOTH,
            "labels of both, energy over 35 pixels": {"evidence": "coupled"} | NEAR,
            "absent classes, labels of both, energy over 35 pixels": BOTH | NEAR,
            "the same, from half of the training on": BOTH | NEAR | {"warm_up": 0.5},
            "the same with a quarter of the energy": BOTH | NEAR | {"energy_weight": 1.0},
            "with a quarter, from half of the training on": BOTH | NEAR | {"energy_weight": 1.0, "warm_up": 0.5},
        },
        "stuff maps, no module",
    ),
    "relation": Study(
        ROWS[4],
        {"teaches_host": 1.0},
        {
            "no module": None,
            "teaches the network's features": {},
            "by a fifth of its gradient": {"teaches_host": 0.2},
            "not at all": {"teaches_host": 0.0},
        },
        "boxes and stuff maps, no module",
    ),
}


def main() -> None:
    """Run, record or tabulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("run", "record", "tables"))
    parser.add_argument("--data", type=Path, help="the scenes")
    parser.add_argument("--out", type=Path, help="folder of the trainings")
    parser.add_argument("--only", choices=STUDIES, action="append", help="some of the studies")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.verb == "tables":
        rewrite(PACKAGE / "README.md", table)
        return
    if arguments.data is None or arguments.out is None:
        parser.error("--data and --out are wanted")
    pilots = [
        (name, way, planned(study, way, seed, arguments.data))
        for name, study in STUDIES.items()
        if not arguments.only or name in arguments.only
        for seed in range(arguments.seeds)
        for way in (*study.ways, study.upper)
    ]
    if arguments.verb == "run":
        run([pilot for *_, pilot in pilots], arguments.data.resolve(), arguments.out.resolve())
    else:
        record(pilots, arguments.out)


def planned(study: Study, way: str, seed: int, data: Path) -> Pilot:
    """The training of a way, or of the upper bound."""
    setting, module, changed = SETTINGS["scenes"], study.row.module, study.ways.get(way)
    place = [auxiliary["type"] for auxiliary in Recipe.of(setting.config).content["model"]["auxiliaries"]].index(module)
    options = {} if changed is None else study.paper | changed
    named = {f"model.auxiliaries.{place}.{name}": value for name, value in options.items()}
    recipe, modules = Recipe.of(setting.config, setting.epochs, named), () if changed is None else (module,)
    rest, share = study.row.upper if way == study.upper else study.row.rest, setting.shares[0]
    fingerprint = data_fingerprint(*(read_split(find_split(data, split)) for split in ("train", "val")))
    shares = {Labels.PANOPTIC: share, rest: 1 - share}
    return Pilot(recipe.with_modules(modules), recipe.name, recipe.options, shares, modules, seed, fingerprint)


def run(pilots: list[Pilot], data: Path, out: Path) -> None:
    """Train what is missing."""
    left = [pilot for pilot in pilots if finished(out / pilot.key) is None]
    jobs = [Job(pilot.key, partial(run_pilot, pilot, data, out / pilot.key, False)) for pilot in left]
    for outcome in LocalProcesses(gpus=gpus_here()).run(jobs):
        print(outcome.key, outcome.error or f"PQ {outcome.value['pq']:.1f}", flush=True)


def record(pilots: list[tuple[str, str, Pilot]], out: Path) -> None:
    """Write the CSV of what is done."""
    with replacing(RESULTS) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for name, way, pilot in pilots:
            result = finished(out / pilot.key)
            if result is not None:
                labels = " ".join(f"{owned.short}={share:g}" for owned, share in pilot.allocation.items())
                changed = STUDIES[name].ways.get(way)
                more = {"study": name, "way": way, "seed": pilot.seed, "labels": labels, "key": pilot.key}
                writer.writerow({**result, **more, "options": "" if changed is None else json.dumps(changed)})


def table(name: str) -> str | None:
    """The runs of `scenes-STUDY`; None for another table."""
    found = [row for row in rows(RESULTS) if f"scenes-{row['study']}" == name]
    if not found:
        return None
    lines = [[row["way"], row["seed"], *(f"{float(row[column]):.1f}" for column in SHOWN)] for row in found]
    return markdown(["with weak labels", "seed", "PQ things", "PQ stuff", "box AP", "mIoU"], lines)


if __name__ == "__main__":
    main()
