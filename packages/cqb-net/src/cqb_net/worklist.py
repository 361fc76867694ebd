"""What an annotation team has to draw: a list of images for each label set, with the hours that it will take."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from cqb_core import Assignment, InputError, Labels, Taxonomy
from cqb_core.data.panoptic_files import PanopticIndex
from cqb_core.files import replacing
from cqb_pareto import Plan, PriceList

COLUMNS = ("image_id", "file", "draw", "seconds")
TASKS = {
    Labels.IMAGE: "name every class in the image",
    Labels.BOX: "draw a tight box around every thing and name it",
    Labels.MASK: "outline every thing and name it",
    Labels.STUFF: "colour every region of stuff",
}


@dataclass(frozen=True)
class WorkTotal:
    """What one label set takes.

    Args:
        labels: the set.
        images: how many images get it.
        hours: of an annotator, review included.
        relative: the same in fully labelled images.
        money: in the prices' currency; None without a wage.
    """

    labels: Labels
    images: int
    hours: float
    relative: float
    money: float | None


def plan_allocation(plan: Plan, where: str | PathLike[str]) -> dict[Labels, float]:
    """The shares of a plan by label set.

    Raises:
        InputError: when the plan buys something that no network of ours learns from.
    """
    try:
        return {Labels.parse(kind): share for kind, share in plan.allocation.items()}
    except InputError as error:
        raise InputError(where, "allocation", error.wanted, error.got) from error


def what_to_draw(labels: Labels) -> str:
    """One sentence for the annotator; what a richer label of the set tells anyway is not asked for again."""
    wanted = labels
    if Labels.MASK in labels:
        wanted &= ~Labels.BOX
    if wanted & (Labels.MASK | Labels.BOX) and Labels.STUFF in wanted:
        wanted &= ~Labels.IMAGE
    return " and ".join(task for kind, task in TASKS.items() if kind in wanted)


def write_worklist(
    assignment: Assignment, index: PanopticIndex, prices: PriceList, out: str | PathLike[str]
) -> list[WorkTotal]:
    """Write `LABELS.csv` for each label set and `classes.csv`, and give the totals.

    Args:
        assignment: of the images of `index`.
        index: where their files are named.
        prices: seconds per image of each label set.
        out: a folder, made if there is none; files of the same names are replaced.

    Raises:
        InputError: a label set without a price, or an image that the index lacks.
    """
    out, files = Path(out), {entry.image_id: entry.file_name for entry in index.entries}
    wanted = {owned: images for owned, images in assignment.images.items() if owned}
    seconds = {owned: prices.seconds(owned.short).mid for owned in wanted}
    for owned, images in wanted.items():
        if lost := [image for image in images if image not in files]:
            raise InputError("assignment", f"images.{owned.short}", "images of the data set", str(lost[0]))
    out.mkdir(parents=True, exist_ok=True)
    for owned, images in wanted.items():
        task, each = what_to_draw(owned), f"{seconds[owned]:.4g}"
        _write(out / f"{owned.short}.csv", COLUMNS, [(image, files[image], task, each) for image in images])
    _write(out / "classes.csv", ("class_id", "class", "kind"), _classes(index.taxonomy))
    return totals(wanted, prices)


def totals(images: Mapping[Labels, tuple[int, ...]], prices: PriceList) -> list[WorkTotal]:
    """What each label set takes, in the order of the assignment."""
    unit = prices.seconds(prices.full).mid
    made = []
    for owned, ids in images.items():
        relative = len(ids) * prices.seconds(owned.short).mid / unit
        hours, money = prices.hours(relative, 1), prices.money(relative, 1)
        made.append(WorkTotal(owned, len(ids), hours, relative, money))
    return made


def _classes(taxonomy: Taxonomy) -> list[tuple[object, ...]]:
    return [(c.id, c.name, "thing" if c.isthing else "stuff") for c in taxonomy.categories]


def _write(path: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
