"""What a label costs: seconds per object x objects per image + overhead per image, each with a range and a source.

Relative prices are in panoptic-label units: 1.0 is the central price of one image with the full label set (the
paper's C_P = 1, Sec. "Problem Formulation").
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cqb_pareto.errors import InputError
from cqb_pareto.kinds import NONE, parse_kind
from cqb_pareto.tables import Row, parse_rows, read_rows

NAMED = ("paper-text", "paper-table1")
FACTORS = ("seconds_per_object", "objects_per_image", "overhead")
COLUMNS = [factor + end for factor in FACTORS for end in ("", "_low", "_high")] + ["source", "year"]


@dataclass(frozen=True)
class Span:
    """A number that is not known exactly: 0 <= low <= mid <= high, else InputError."""

    mid: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.mid <= self.high < math.inf):
            raise InputError("price", "range", "0 <= low <= mid <= high", f"{self.low}, {self.mid}, {self.high}")

    @classmethod
    def exactly(cls, value: float) -> "Span":
        """A number without a range."""
        return cls(value, value, value)

    def sample(self, rng: np.random.Generator, size: int) -> Float[np.ndarray, " d"]:
        """Triangular draws over the range, with the mode at mid."""
        return np.full(size, self.mid) if self.low == self.high else rng.triangular(self.low, self.mid, self.high, size)


@dataclass(frozen=True)
class Price:
    """The price of one label set on one image, in seconds of an annotator."""

    kind: str
    seconds_per_object: Span
    objects_per_image: Span
    overhead: Span
    source: str
    year: int

    @classmethod
    def per_image(cls, kind: str, seconds: float, source: str, year: int) -> "Price":
        """A price that is known per image only."""
        return cls(kind, Span.exactly(0.0), Span.exactly(0.0), Span.exactly(seconds), source, year)

    @property
    def seconds(self) -> Span:
        """Seconds per image; the ends combine the ends of the three factors."""
        s, n, o = self.seconds_per_object, self.objects_per_image, self.overhead
        return Span(s.mid * n.mid + o.mid, s.low * n.low + o.low, s.high * n.high + o.high)

    def sample(self, rng: np.random.Generator, size: int) -> Float[np.ndarray, " d"]:
        """Seconds per image with the three factors drawn independently from their ranges."""
        each, objects = self.seconds_per_object.sample(rng, size), self.objects_per_image.sample(rng, size)
        return np.asarray(each * objects + self.overhead.sample(rng, size))


@dataclass(frozen=True)
class PriceList:
    """Prices of label sets, the wage and review on top of them, and the labels that are already there.

    Args:
        name: where the prices come from; complaints name it.
        prices: by label set. A sum such as B+S without a price of its own costs the sum of its parts; none is free.
        full: the label set that is the unit of relative cost.
        hourly_wage: money per hour; None leaves plans without money.
        review: time spent on checking, as a share of labelling time (0.2 adds a fifth to every price).
        owned: shares of the images whose labels of this set are there already, and free up to that share.
    """

    name: str
    prices: Mapping[str, Price]
    full: str = "P"
    hourly_wage: float | None = None
    currency: str = "USD"
    review: float = 0.0
    owned: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.hourly_wage is not None and not 0 < self.hourly_wage < math.inf:
            raise InputError(self.name, "hourly wage", "a positive number", self.hourly_wage)
        if not 0 <= self.review < math.inf:
            raise InputError(self.name, "review", "a number >= 0", self.review)
        for kind, share in self.owned.items():
            if not 0 <= share <= 1:
                raise InputError(self.name, f"owned {kind}", "a share from 0 to 1", share)
            self.seconds(kind)
        if self.seconds(self.full).mid <= 0:
            raise InputError(self.name, f"price of {self.full}", "more than 0 seconds: it is the unit", 0)

    def with_terms(
        self,
        hourly_wage: float | None = None,
        currency: str = "USD",
        review: float = 0.0,
        owned: Mapping[str, float] | None = None,
    ) -> "PriceList":
        """The same prices under other terms."""
        return replace(self, hourly_wage=hourly_wage, currency=currency, review=review, owned=owned or {})

    def scaled(self, factor: float) -> "PriceList":
        """Every time multiplied by a factor > 0, as when all annotators are equally slower."""

        def times(span: Span) -> Span:
            return Span(span.mid * factor, span.low * factor, span.high * factor)

        grown = {
            k: replace(p, seconds_per_object=times(p.seconds_per_object), overhead=times(p.overhead))
            for k, p in self.prices.items()
        }
        return replace(self, prices=grown)

    def parts(self, kind: str) -> list[Price]:
        """The prices that add up to that of a label set.

        Raises:
            InputError: naming the label set that has no price.
        """
        if kind == NONE:
            return []
        if kind in self.prices:
            return [self.prices[kind]]
        parts = kind.split("+")
        missing = [part for part in parts if part not in self.prices]
        if missing:
            raise InputError(
                self.name, f"price of {kind}", f"a price for {' and '.join(missing)}", ", ".join(self.prices)
            )
        return [self.prices[part] for part in parts]

    def seconds(self, kind: str) -> Span:
        """Seconds per image, with review."""
        spans = [price.seconds for price in self.parts(kind)]
        grow = 1 + self.review
        return Span(
            grow * sum(span.mid for span in spans),
            grow * sum(span.low for span in spans),
            grow * sum(span.high for span in spans),
        )

    def relative(self, kinds: Sequence[str]) -> Float[np.ndarray, " k"]:
        """Central prices in panoptic-label units."""
        return np.array([self.seconds(kind).mid for kind in kinds]) / self.seconds(self.full).mid

    def sample(self, kinds: Sequence[str], rng: np.random.Generator, size: int) -> Float[np.ndarray, "d k"]:
        """Prices drawn from their ranges, in units of the *central* panoptic price; parts of sums are drawn once."""
        names = sorted({price.kind for kind in kinds for price in self.parts(kind)})
        drawn = {name: self.prices[name].sample(rng, size) for name in names}
        zero = np.zeros(size)
        seconds = [sum((drawn[price.kind] for price in self.parts(kind)), zero) for kind in kinds]
        return np.stack(seconds, axis=1) * (1 + self.review) / self.seconds(self.full).mid

    def owned_shares(self, kinds: Sequence[str]) -> Float[np.ndarray, " k"]:
        """Shares that are free, in the order of the kinds."""
        return np.array([float(self.owned.get(kind, 0.0)) for kind in kinds])

    def hours(self, cost: float, images: int) -> float:
        """Hours of work behind a relative cost per image."""
        return cost * images * self.seconds(self.full).mid / 3600

    def money(self, cost: float, images: int) -> float | None:
        """Money behind a relative cost per image; None without a wage."""
        return None if self.hourly_wage is None else self.hours(cost, images) * self.hourly_wage

    def relative_budget(self, budget: float, unit: str, images: int) -> float:
        """A budget in `relative` units, `images` (fully labelled ones), `hours` or `money`, as relative cost per image.

        Raises:
            InputError: a unit that is none of these, money without a wage, or a budget that is no number >= 0.
        """
        if not 0 <= budget < math.inf:
            raise InputError("budget", unit, "a number >= 0", budget)
        if unit == "relative":
            return budget
        if unit == "money" and self.hourly_wage is None:
            raise InputError(self.name, "hourly wage", "a wage, for a budget in money", "none")
        scale = {"images": 1 / images, "hours": 1 / self.hours(1.0, images)}
        if unit == "money":
            return budget / (self.hours(1.0, images) * float(self.hourly_wage or 1.0))
        if unit not in scale:
            raise InputError("budget", "unit", "relative, images, hours or money", unit)
        return budget * scale[unit]


def read_prices(path: str | PathLike[str], full: str = "P") -> PriceList:
    """A price list from a CSV file: `kind`, then `seconds_per_object`, `objects_per_image` and `overhead` (seconds per
    image), each with optional `_low` and `_high`, then `source` and `year`.

    Raises:
        InputError: naming file, row and column.
    """
    return _from_rows(read_rows(path, ["kind", "source", "year"], COLUMNS), str(path), full)


def named_prices(name: str) -> PriceList:
    """The paper's price lists: `paper-text` (B 0.03, Sec. "Problem Formulation" and Table 2) or `paper-table1`
    (B 0.30, with which the costs printed in Table 1 come out).

    Raises:
        InputError: for another name.
    """
    if name not in NAMED:
        raise InputError("prices", "name", f"one of {', '.join(NAMED)}, or a CSV file", name)
    text = (resources.files("cqb_pareto") / "data" / f"prices-{name}.csv").read_text(encoding="utf-8")
    return _from_rows(parse_rows(text, name, ["kind", "source", "year"], COLUMNS), name, "P")


def load_prices(name_or_path: str, full: str = "P") -> PriceList:
    """A named list, or else a CSV file.

    Raises:
        InputError: neither a name nor a file, or a file that `read_prices` refuses.
    """
    if name_or_path in NAMED:
        return named_prices(name_or_path)
    if not Path(name_or_path).exists():
        raise InputError(name_or_path, "file", f"a CSV file, or one of {', '.join(NAMED)}", "no such file")
    return read_prices(name_or_path, full)


def _from_rows(rows: list[Row], name: str, full: str) -> PriceList:
    prices: dict[str, Price] = {}
    for row in rows:
        kind = parse_kind(row.text("kind"), name, f"row {row.number}, column kind")
        if kind in prices:
            raise row.error("kind", "each label set once", f"{kind} again")
        spans = [_span(row, factor) for factor in FACTORS]
        if not any(row.text(factor, "") for factor in FACTORS):
            raise row.error("overhead", "seconds per object with objects per image, or overhead", "nothing")
        if bool(row.text(FACTORS[0], "")) != bool(row.text(FACTORS[1], "")):
            raise row.error(FACTORS[1], "seconds_per_object and objects_per_image together", "one of the two")
        if not math.isfinite(spans[0].high * spans[1].high + spans[2].high):
            raise row.error(FACTORS[1], "a price per image that is a number", "one too large")
        prices[kind] = Price(kind, spans[0], spans[1], spans[2], row.text("source"), row.integer("year", 1900))
    if full not in prices:
        raise InputError(name, "column kind", f"a row for {full}, the unit of relative cost", ", ".join(prices))
    return PriceList(name, prices, full)


def _span(row: Row, factor: str) -> Span:
    mid = row.number_in(factor, 0.0, math.inf, 0.0)
    low = row.number_in(f"{factor}_low", 0.0, math.inf, mid)
    high = row.number_in(f"{factor}_high", 0.0, math.inf, mid)
    if low > mid:
        raise row.error(f"{factor}_low", f"at most {factor} = {mid:g}", low)
    if high < mid:
        raise row.error(f"{factor}_high", f"at least {factor} = {mid:g}", high)
    return Span(mid, low, high)
