"""What a sweep will train, checked before anything is trained: entries that need the same training share it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from rich.table import Table

from cqb_core import Assignment, InputError, Labels, Taxonomy, assign
from cqb_core.data.panoptic_files import PanopticEntry, find_split, read_split
from cqb_net.pilots.pilot import Pilot, Recipe
from cqb_net.pilots.protocol import Request
from cqb_net.pilots.report import PILOTS, Report
from cqb_net.pilots.training import data_fingerprint

SHOWN_CLASSES = 20


@dataclass(frozen=True)
class Planned:
    """One training, and the rows of the sweep's table that it stands for."""

    pilot: Pilot
    entries: tuple[Request, ...]


@dataclass(frozen=True)
class Sweep:
    """Trainings on one data set by one recipe.

    Args:
        data: root of the data set.
        recipe: how they are trained.
        fingerprint: of the data set.
        trainings: in the order in which they start.
        report: the table that they fill.
    """

    data: Path
    recipe: Recipe
    fingerprint: str
    trainings: tuple[Planned, ...]
    report: Report = PILOTS

    def table(self) -> Table:
        """The trainings and what each is for."""
        entries = sum(len(planned.entries) for planned in self.trainings)
        title = f"{len(self.trainings)} trainings for {entries} rows of the table of {self.report.name}"
        table = Table(title=title, caption=f"{entries - len(self.trainings)} rows coincide with another one's training")
        for column in ("", "key", "labels", "modules on", "seed", "rows"):
            table.add_column(column, overflow="fold")
        for number, planned in enumerate(self.trainings, 1):
            pilot = planned.pilot
            labels = ", ".join(f"{owned.short} {share:g}" for owned, share in pilot.allocation.items())
            rows = "\n".join(entry.purpose for entry in planned.entries)
            table.add_row(str(number), pilot.key, labels, "+".join(pilot.modules) or "-", str(pilot.seed), rows)
        return table


def plan_sweep(
    data: str | PathLike[str],
    recipe: Recipe,
    entries: Sequence[Request],
    allow_unseen: bool = False,
    report: Report = PILOTS,
    configure: Callable[[Any], dict[str, Any]] | None = None,
) -> Sweep:
    """Lay out the trainings that some entries need.

    Args:
        data: root of a data set in COCO panoptic layout.
        recipe: how to train.
        entries: what the table is to tell.
        allow_unseen: go on when a class is shown by no image of an assignment.
        report: the table.
        configure: from an entry to the content of its config; that of the recipe with the entry's modules by default.

    Raises:
        InputError: when data or config are broken, there is no entry, a label set has a share and no image, a class is
            shown by no image of an assignment, or the config lacks a module.
    """
    if not entries:
        raise InputError(report.name, "entries", "at least one", "none")
    train, val = (read_split(find_split(data, split)) for split in ("train", "val"))
    found = data_fingerprint(train, val)
    trainings: dict[str, tuple[Pilot, list[Request]]] = {}
    configure = configure or (lambda entry: recipe.with_modules(entry.modules))
    for entry in dict.fromkeys(entries):
        pilot = Pilot(configure(entry), recipe.name, recipe.options, entry.allocation, entry.seed, found)
        trainings.setdefault(pilot.key, (pilot, []))[1].append(entry)
    for pilot, (first, *_) in trainings.values():
        assigned = assign([image.image_id for image in train.entries], pilot.allocation, pilot.seed)
        require_images(assigned, report.name, first.title, len(train.entries))
        if not allow_unseen:
            require_shown(assigned, report.name, first.title, train.entries, train.taxonomy)
    planned = tuple(Planned(pilot, tuple(rows)) for pilot, rows in trainings.values())
    return Sweep(Path(data), recipe, found, planned, report)


def require_images(assigned: Assignment, sweep: str, title: str, total: int) -> None:
    """Check that every label set with a share has an image.

    Args:
        assigned: the images of each.
        sweep: name of the sweep that asks.
        title: of the row that asks.
        total: images of the split.

    Raises:
        InputError: naming the label set and the share.
    """
    for owned, images in assigned.images.items():
        if not images:
            wanted = f"at least one of {total} images with labels {owned.short}"
            raise InputError(sweep, title, wanted, f"none at share {assigned.allocation[owned]:g}")


def require_shown(
    assigned: Assignment, sweep: str, title: str, images: Iterable[PanopticEntry], taxonomy: Taxonomy
) -> None:
    """Check that the labels of some image tell of every class: things by tags, boxes or masks, stuff by tags or maps.

    Args:
        assigned: the images of each label set.
        sweep: name of the sweep that asks.
        title: of the row that asks.
        images: of the split.
        taxonomy: its classes.

    Raises:
        InputError: naming the classes that no image of the assignment shows.
    """
    shown = set[int]()
    owned, things = assigned.labels(), {category.id for category in taxonomy.things}
    for image in images:
        for segment in image.segments:
            if _tells(owned[image.image_id], segment.category_id in things):
                shown.add(segment.category_id)
    unseen = [category.name for category in taxonomy.categories if category.id not in shown]
    if unseen:
        listed = ", ".join(unseen[:SHOWN_CLASSES])
        more = f" and {len(unseen) - SHOWN_CLASSES} more" if len(unseen) > SHOWN_CLASSES else ""
        wanted = "an image that shows each class (or --allow-unseen)"
        raise InputError(sweep, title, wanted, f"none for {listed}{more}")


def _tells(owned: Labels, thing: bool) -> bool:
    return owned.thing_tags if thing else owned.stuff_tags
