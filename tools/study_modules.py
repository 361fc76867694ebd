"""What the parts of a module do: the module in several forms, beside baseline and upper bound.

    hatch run python tools/study_modules.py run scenes --data DATA --out DIR     # goes on where it was stopped
    hatch run python tools/study_modules.py record scenes --data DATA --out DIR  # what is done so far, into the CSV
    hatch run python tools/study_modules.py tables                               # from there into cqb-net's README

DATA is `cqb-net data scenes DATA --train 240 --val 100`, or CamVid for `run camvid`. A tenth of the images owns all
labels, the others the module's weak ones (of the upper bound, finer ones); a study of a mixture has all modules on its
labels. Config, length and seeds are those of `tools/settings.py`.
"""

import csv
import json
from functools import partial
from pathlib import Path

from claim_tables import rows
from command_line import verbs
from module_studies import STUDIES, Study, Way
from readme_tables import markdown, rewrite
from settings import PACKAGE, SETTINGS

from cqb_core import Labels
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.files import replacing
from cqb_net.pilots import LocalProcesses
from cqb_net.pilots.execution import Job
from cqb_net.pilots.local import gpus_here
from cqb_net.pilots.pilot import Pilot, Recipe
from cqb_net.pilots.protocol import TableRow
from cqb_net.pilots.training import data_fingerprint, finished, run_pilot

RESULTS = PACKAGE / "results"
COLUMNS = (
    *("study", "way", "seed", "labels", "options", "pq", "pq_th", "pq_st", "box_ap", "mask_ap", "miou"),
    *("iterations", "key", "commit"),
)
HEAD = {"pq": "PQ", "pq_th": "PQ things", "pq_st": "PQ stuff", "box_ap": "box AP", "mask_ap": "mask AP", "miou": "mIoU"}


def main() -> None:
    """Run, record or tabulate."""
    parser, parts = verbs(__doc__, SETTINGS)
    parts["record"].add_argument("--data", type=Path, required=True, help="data set in COCO panoptic layout")
    for verb in ("run", "record"):
        parts[verb].add_argument("--only", choices=STUDIES, action="append", help="some of the studies")
        parts[verb].add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.verb == "tables":
        rewrite(PACKAGE / "README.md", table)
        return
    pilots = [
        (name, way, planned(study, study.ways[way], seed, arguments.data, arguments.name))
        for name, study in STUDIES.items()
        if arguments.name in study.on and (not arguments.only or name in arguments.only)
        for seed in range(arguments.seeds)
        for way in study.ways
    ]
    if not pilots:
        parser.error(f"--only: wanted a study on {arguments.name}, got {', '.join(arguments.only)}")
    if arguments.verb == "run":
        executor = LocalProcesses(arguments.workers, gpus_here())
        run(
            [pilot for *_, pilot in pilots], arguments.name, arguments.data.resolve(), arguments.out.resolve(), executor
        )
    else:
        record(pilots, arguments.name, arguments.out)


def planned(study: Study, way: Way, seed: int, data: Path, on: str) -> Pilot:
    """The training of a way."""
    setting = SETTINGS[on]
    plugged = [auxiliary["type"] for auxiliary in Recipe.of(setting.config).content["model"]["auxiliaries"]]
    if isinstance(study.row, TableRow):
        rest, share = study.row.upper if way.upper else study.row.rest, setting.shares[0]
        allocation, modules = {Labels.PANOPTIC: share, rest: 1 - share}, [study.row.module]
    else:
        allocation, modules = study.row, [module for module in plugged if module not in way.without]
    options = {} if way.changed is None else study.paper | way.changed
    named = {f"model.auxiliaries.{plugged.index(modules[0])}.{name}": value for name, value in options.items()}
    recipe = Recipe.of(setting.config, setting.epochs, setting.options | named | way.network)
    fingerprint = data_fingerprint(*(read_split(find_split(data, split)) for split in ("train", "val")))
    content = recipe.with_modules(() if way.changed is None else tuple(modules))
    return Pilot(content, recipe.name, recipe.options, allocation, seed, fingerprint)


def of_table2(on: str) -> dict[str, dict[str, str]]:
    """The trainings of Table 2 that are recorded, by key."""
    return {row["key"]: row for row in rows(RESULTS / f"{on}-table2-runs.csv")}


def recorded(on: str) -> Path:
    """The CSV of a data set's studies."""
    return RESULTS / f"{on}-modules.csv"


def run(pilots: list[Pilot], on: str, data: Path, out: Path, executor: LocalProcesses) -> None:
    """Train what is missing; Table 2 has some of it."""
    known = of_table2(on)
    left = [pilot for pilot in pilots if pilot.key not in known and finished(out / pilot.key) is None]
    jobs = [Job(pilot.key, partial(run_pilot, pilot, data, out / pilot.key, False)) for pilot in left]
    for outcome in executor.run(jobs):
        print(outcome.key, outcome.error or f"PQ {outcome.value['pq']:.1f}", flush=True)


def record(pilots: list[tuple[str, str, Pilot]], on: str, out: Path) -> None:
    """Write the CSV of what is done, here, for Table 2, or at an earlier call."""
    table2, path = of_table2(on), recorded(on)
    made = {(row["study"], row["way"], int(row["seed"])): row for row in rows(path)}
    for name, way, pilot in pilots:
        result = finished(out / pilot.key) or table2.get(pilot.key)
        if result is not None:
            labels = " ".join(f"{owned.short}={share:g}" for owned, share in pilot.allocation.items())
            form = STUDIES[name].ways[way]
            changes = (form.changed or {}) | form.network | ({"without": form.without} if form.without else {})
            options = json.dumps(changes) if changes or form.changed is not None else ""
            more = {"study": name, "way": way, "seed": pilot.seed, "labels": labels, "key": pilot.key}
            made[name, way, pilot.seed] = {**result, **more, "options": options}
    places = {
        (name, way): place for place, (name, way) in enumerate((n, w) for n, s in STUDIES.items() for w in s.ways)
    }
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        order = sorted(made, key=lambda at: (list(STUDIES).index(at[0]), at[2], places[at[:2]]))
        writer.writerows(made[at] for at in order)


def table(name: str) -> str | None:
    """The runs of `SET-STUDY`; None for another table."""
    on, _, study = name.partition("-")
    if study not in STUDIES or on not in STUDIES[study].on:
        return None
    found = [row for row in rows(recorded(on)) if row["study"] == study]
    if not found:
        return None
    shown = STUDIES[study].shown
    lines = [[row["way"], row["seed"], *(f"{float(row[column]):.1f}" for column in shown)] for row in found]
    return markdown(["with weak labels", "seed", *(HEAD[column] for column in shown)], lines)


if __name__ == "__main__":
    main()
