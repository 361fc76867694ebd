"""All scores of one model on one set of images: as JSON and as a table for a person."""

import json
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

import numpy as np
from rich.table import Table

from cqb_core.errors import InputError
from cqb_core.evaluation.average_precision import PrecisionResult
from cqb_core.evaluation.bootstrap import Interval, pq_interval
from cqb_core.evaluation.contributions import Group
from cqb_core.evaluation.mean_iou import MeanIouResult
from cqb_core.evaluation.panoptic_quality import GroupQuality, PanopticQuality, PanopticResult
from cqb_core.files import write_text
from cqb_core.taxonomy import Category

GROUPS: tuple[Group, ...] = ("all", "things", "stuff")


@dataclass(frozen=True)
class Intervals:
    """The interval of each group's PQ; None for a group without a class in the images."""

    all: Interval | None
    things: Interval | None
    stuff: Interval | None

    @classmethod
    def of(
        cls, quality: PanopticQuality, generator: np.random.Generator, resamples: int = 1000, level: float = 0.95
    ) -> "Intervals":
        """Bootstrap the three groups, see `pq_interval`.

        Raises:
            InputError: when no image was scored or an argument is out of range.
        """
        result = quality.result()
        return cls(
            *(
                pq_interval(quality, group, generator, resamples, level) if getattr(result, group).n else None
                for group in GROUPS
            )
        )


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model on `images` images, as fractions.

    Args:
        panoptic: PQ, SQ and RQ.
        intervals: around the PQ of each group.
        box: box AP, when it was measured.
        mask: mask AP, when it was measured.
        mean_iou: mIoU, when it was measured.

    Raises:
        InputError: when the parts come from different numbers of images.
    """

    panoptic: PanopticResult
    intervals: Intervals
    box: PrecisionResult | None = None
    mask: PrecisionResult | None = None
    mean_iou: MeanIouResult | None = None

    def __post_init__(self) -> None:
        for name in ("box", "mask", "mean_iou"):
            part = getattr(self, name)
            if part is not None and part.images != self.images:
                raise InputError("evaluation", f"{name}.images", f"{self.images}, as PQ has", part.images)

    @property
    def images(self) -> int:
        """Number of images that were scored."""
        return self.panoptic.images

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers: fractions, None where a score does not exist."""
        panoptic = {group: self._group(group) for group in GROUPS}
        return {
            "images": self.images,
            "panoptic": panoptic | {"classes": [_flat(asdict(c)) for c in self.panoptic.classes]},
            "box": _part(self.box),
            "mask": _part(self.mask),
            "mean_iou": _part(self.mean_iou),
        }

    def write(self, path: str | PathLike[str]) -> None:
        """Write `to_json()`; the file appears whole or not at all."""
        write_text(path, json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def table(self) -> Table:
        """Group rows, then class rows, in percent with one decimal; a dash where a score does not exist."""
        lines = [_areas(name, part) for name, part in (("box", self.box), ("mask", self.mask)) if part]
        table = Table(title=f"{self.images} images, percent", title_justify="left", caption_justify="left")
        table.caption = "\n".join(lines) or None
        table.add_column("")
        headings = ("PQ", self._level, "SQ", "RQ", "box AP", "mask AP", "IoU", "TP", "FP", "FN")
        shown = (True, True, True, True, self.box, self.mask, self.mean_iou, True, True, True)
        kept = [place for place, part in enumerate(shown) if part]
        for place in kept:
            table.add_column(headings[place], justify="right")
        for group in GROUPS:
            row = self._group_row(group)
            table.add_row(group, *(row[place] for place in kept), style="bold", end_section=group == "stuff")
        for index, quality in enumerate(self.panoptic.classes):
            row = self._class_row(index)
            table.add_row(quality.category.name, *(row[place] for place in kept))
        return table

    @property
    def _level(self) -> str:
        levels = [i.level for i in (self.intervals.all, self.intervals.things, self.intervals.stuff) if i]
        return f"{100 * levels[0]:g} % interval" if levels else "interval"

    def _group(self, group: Group) -> dict[str, Any]:
        interval: Interval | None = getattr(self.intervals, group)
        return asdict(getattr(self.panoptic, group)) | {"interval": None if interval is None else asdict(interval)}

    def _group_row(self, group: Group) -> list[str]:
        quality: GroupQuality = getattr(self.panoptic, group)
        interval: Interval | None = getattr(self.intervals, group)
        span = "-" if interval is None else f"{_percent(interval.low)} to {_percent(interval.high)}"
        detection = [_percent(part.ap if part and group != "stuff" else None) for part in (self.box, self.mask)]
        iou = _percent(self.mean_iou.mean if self.mean_iou and group == "all" else None)
        return [_percent(quality.pq), span, _percent(quality.sq), _percent(quality.rq), *detection, iou, "", "", ""]

    def _class_row(self, index: int) -> list[str]:
        quality = self.panoptic.classes[index]
        scores = [_percent(v if quality.present else None) for v in (quality.pq, quality.sq, quality.rq)]
        detection = [
            _percent(part.classes[index].ap if part and index < len(part.classes) else None)
            for part in (self.box, self.mask)
        ]
        iou = _percent(self.mean_iou.classes[index].iou if self.mean_iou else None)
        return [scores[0], "", *scores[1:], *detection, iou, *(str(v) for v in (quality.tp, quality.fp, quality.fn))]


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f}"


def _areas(name: str, part: PrecisionResult) -> str:
    scores = (f"{key} {_percent(getattr(part, key))}" for key in ("small", "medium", "large"))
    return f"{name} AP50 {_percent(part.ap50)}, AP75 {_percent(part.ap75)}, {', '.join(scores)}"


def _part(part: PrecisionResult | MeanIouResult | None) -> dict[str, Any] | None:
    if part is None:
        return None
    content = asdict(part)
    return content | {"classes": [_flat(row) for row in content["classes"]]}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A class row that names its category by id and name."""
    category = Category(**row["category"])
    scores = {key: value for key, value in row.items() if key != "category"}
    return {"category_id": category.id, "name": category.name, **scores}
