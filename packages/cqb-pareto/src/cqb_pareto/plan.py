"""What a plan says: whole numbers of images per label set, what they cost and give, and how sure that is."""

from dataclasses import dataclass

from cqb_pareto.confidence import Band, Probabilities


@dataclass(frozen=True)
class Option:
    """One allocation: shares by label set, relative cost per image, and PQ in points with its band."""

    allocation: dict[str, float]
    cost: float
    pq: Band


@dataclass(frozen=True)
class Cost:
    """Cost in panoptic-label units per image, in hours, and in money (None without a wage)."""

    relative: Band
    hours: Band
    money: Band | None
    currency: str


@dataclass(frozen=True)
class Fronts:
    """Fronts at the 10th percentile, the centre and the 90th percentile of PQ: rows of (relative cost, PQ)."""

    conservative: list[list[float]]
    central: list[list[float]]
    optimistic: list[list[float]]


@dataclass(frozen=True)
class Plan:
    """The labels worth buying.

    Attributes:
        goal: `budget` or `target`, its value, and the unit of the value.
        images: how many images there are.
        counts: images per label set; sums to `images`.
        bought: of these, the images whose labels are not there yet.
        allocation: counts / images.
        pq: expected PQ in points; the band is that of one training run.
        runners_up: other allocations of the same goal that differ by at least a tenth of the images.
        families: the response family of each branch with its two errors.
        notes: what a reader has to know before believing the numbers.
    """

    goal: dict[str, str | float]
    images: int
    counts: dict[str, int]
    bought: dict[str, int]
    allocation: dict[str, float]
    pq: Band
    cost: Cost
    probabilities: Probabilities
    runners_up: list[Option]
    fronts: Fronts
    families: dict[str, dict[str, str | float]]
    prices: dict[str, str | float]
    notes: list[str]
