"""The table of pilot runs (Table 2; Sec. "MOOP by Pareto-front"): what was trained on which labels, and how well.

A pilot has the full label set on a share of its images and one other label set on the rest. Three variants: *baseline*
(labels present, weakly supervised module off), *module* (on) and *upper* (a finer label on the rest instead).
Qualities are in points, 0 to 100.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from os import PathLike

from cqb_pareto.errors import InputError
from cqb_pareto.kinds import NONE, parse_kind
from cqb_pareto.tables import Row, parse_rows, read_rows

VARIANTS = ("baseline", "module", "upper")
REQUIRED = ["full", "rest", "share", "variant", "seed"]
QUALITIES = [f"{measure}{region}" for region in ("", "_th", "_st") for measure in ("pq", "sq", "rq")]
OPTIONAL = ["run", "module", "images", *QUALITIES, "value"]
BRANCH_COLUMN = {"all": "pq", "things": "pq_th", "stuff": "pq_st"}


@dataclass(frozen=True)
class Pilot:
    """One training run. `share` is the share of images with the full label set; a quality not measured is NaN."""

    run: str
    full: str
    rest: str
    share: float
    variant: str
    module: str
    seed: int
    images: int
    qualities: dict[str, float]
    row: int

    def quality(self, branch: str) -> float:
        """PQ in points over things, stuff or all classes."""
        return self.qualities[BRANCH_COLUMN[branch]]

    def same_labels(self, other: "Pilot") -> bool:
        """Whether both runs have the same labels on the same share."""
        return (self.full, self.rest) == (other.full, other.rest) and abs(self.share - other.share) < 1e-9

    def is_base_of(self, other: "Pilot") -> bool:
        """Whether this is a baseline of another run: the same labels, the same module, or full labels only."""
        if self.variant != "baseline" or self.full != other.full or abs(self.share - other.share) >= 1e-9:
            return False
        return self.rest in (other.rest, NONE) or bool(self.module and self.module == other.module)


@dataclass(frozen=True)
class Pilots:
    """A checked table of pilot runs; `name` is the file that complaints name."""

    name: str
    runs: tuple[Pilot, ...]

    @cached_property
    def full(self) -> str:
        """The label set of the full part, one for the whole table."""
        return self.runs[0].full

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The full label set, then every label set of the rest in order of appearance, without none."""
        rests = dict.fromkeys(pilot.rest for pilot in self.runs)
        return (self.full, *(kind for kind in rests if kind not in (NONE, self.full)))

    @cached_property
    def branches(self) -> tuple[str, ...]:
        """Things and stuff where the table has both, else all."""
        split = all(any(not math.isnan(p.quality(b)) for p in self.runs) for b in ("things", "stuff"))
        return ("things", "stuff") if split else ("all",)

    def having(self, branch: str) -> "list[Pilot]":
        """The runs whose quality over the branch was measured."""
        return [pilot for pilot in self.runs if not math.isnan(pilot.quality(branch))]


def read_pilots(path: str | PathLike[str]) -> Pilots:
    """The pilots of a CSV file; the columns are described in the package's README.

    Raises:
        InputError: naming file, row and column: a cell that is no number or out of range, NaN, a run that stands twice,
            two full label sets, a module or upper run without its baseline, PQ as fractions.
    """
    return check_pilots(map(_pilot, read_rows(path, REQUIRED, OPTIONAL)), str(path))


def paper_pilots() -> Pilots:
    """The paper's Table 2 (COCO 2017, ResNet-50), a row for each of its 45 published runs."""
    text = (resources.files("cqb_pareto") / "data" / "table2.csv").read_text(encoding="utf-8")
    return check_pilots(map(_pilot, parse_rows(text, "table2.csv", REQUIRED, OPTIONAL)), "table2.csv")


def check_pilots(runs: Iterable[Pilot], name: str) -> Pilots:
    """The checks between rows; each row has been checked by itself."""
    pilots = Pilots(name, tuple(runs))
    _check_unique(pilots)
    baselines = _baselines(pilots)
    for pilot in pilots.runs:
        if pilot.full != pilots.full:
            raise _error(name, pilot, "full", f"{pilots.full}, as in the rows before", pilot.full)
        bases = baselines.get(round(pilot.share, 9), {}).values()
        if pilot.variant != "baseline" and not any(base.is_base_of(pilot) for base in bases):
            wanted = f"a baseline at share {pilot.share:g} (rest {pilot.rest}, or {NONE})"
            raise _error(name, pilot, "variant", wanted, f"{pilot.variant} without one")
    values = [value for pilot in pilots.runs for value in pilot.qualities.values() if not math.isnan(value)]
    if max(values) <= 1:
        raise InputError(name, "columns pq, sq, rq", "points from 0 to 100", f"at most {max(values):g}: fractions?")
    return pilots


def _baselines(pilots: Pilots) -> dict[float, dict[object, Pilot]]:
    """One baseline of each kind at each share: of thousands of seeds, one tells what there is."""
    found: dict[float, dict[object, Pilot]] = {}
    for pilot in pilots.runs:
        if pilot.variant == "baseline":
            found.setdefault(round(pilot.share, 9), {}).setdefault((pilot.full, pilot.rest, pilot.module), pilot)
    return found


def _check_unique(pilots: Pilots) -> None:
    seen: dict[object, Pilot] = {}
    for pilot in pilots.runs:
        measured = tuple(column for column, value in pilot.qualities.items() if not math.isnan(value))
        labels = (pilot.rest, round(pilot.share, 9), pilot.variant, pilot.module, pilot.seed, measured)
        for key, column in ((labels, "seed"), (("run", pilot.run) if pilot.run else None, "run")):
            if key is not None and key in seen:
                raise _error(pilots.name, pilot, column, "each run once", f"the run of row {seen[key].row} again")
            seen[key] = pilot


def _error(name: str, pilot: Pilot, column: str, wanted: str, got: object) -> InputError:
    return InputError(name, f"row {pilot.row}, column {column}", wanted, got)


def _pilot(row: Row) -> Pilot:
    full, rest = (parse_kind(row.text(c), row.table, f"row {row.number}, column {c}") for c in ("full", "rest"))
    variant = row.text("variant")
    if variant not in VARIANTS:
        raise row.error("variant", f"one of {', '.join(VARIANTS)}", variant)
    if full == NONE:
        raise row.error("full", "a label set", NONE)
    qualities = {column: row.number_in(column, 0.0, 100.0, math.nan) for column in QUALITIES}
    if all(math.isnan(qualities[column]) for column in BRANCH_COLUMN.values()):
        raise row.error("pq", "a quality in pq, pq_th or pq_st", "none of them")
    return Pilot(
        row.text("run", ""),
        full,
        rest,
        row.number_in("share", 0.0, 1.0),
        variant,
        row.text("module", ""),
        row.integer("seed", 0),
        row.integer("images", 1, 0),
        qualities,
        row.number,
    )
