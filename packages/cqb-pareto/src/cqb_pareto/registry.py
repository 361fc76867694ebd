"""Published annotation times, each with its source: starting points for a price list of one's own."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

from cqb_pareto.errors import InputError
from cqb_pareto.prices import Price, Span
from cqb_pareto.tables import parse_rows

COLUMNS = ["name", "kind", "per", "mid", "low", "high", "source", "year", "note"]
FASTER = "times-faster"


@dataclass(frozen=True)
class Published:
    """One published time. `per` is object, class or image (`time` is then seconds) or times-faster (a ratio)."""

    name: str
    kind: str
    per: str
    time: Span
    source: str
    year: int
    note: str

    def price(
        self, per_image: Span | None = None, overhead: Span | None = None, than: "Published | None" = None
    ) -> Price:
        """The price per image.

        Args:
            per_image: objects (or classes) per image; needed when the time is per object or class.
            overhead: further seconds per image, none by default.
            than: for a ratio, the published time that it divides.

        Raises:
            InputError: when one of these is missing.
        """
        if self.per == FASTER:
            return self._divided(than, per_image, overhead)
        extra = overhead or Span.exactly(0.0)
        if self.per == "image":
            total = Span(self.time.mid + extra.mid, self.time.low + extra.low, self.time.high + extra.high)
            return Price(self.kind, Span.exactly(0.0), Span.exactly(0.0), total, self.source, self.year)
        if per_image is None:
            raise InputError(self.name, "per_image", f"the number of times an image needs one {self.per}", None)
        return Price(self.kind, self.time, per_image, extra, self.source, self.year)

    def _divided(self, than: "Published | None", per_image: Span | None, overhead: Span | None) -> Price:
        if than is None or than.per == FASTER:
            raise InputError(self.name, "than", f"the published time that is meant by: {self.note}", than)
        time = Span(than.time.mid / self.time.mid, than.time.low / self.time.high, than.time.high / self.time.low)
        source = f"{self.source}; {than.source}"
        return Published(self.name, self.kind, than.per, time, source, self.year, self.note).price(per_image, overhead)


@cache
def published_times() -> dict[str, Published]:
    """Every entry, by name. Entries that nobody could check in a source are not in the table."""
    text = (resources.files("cqb_pareto") / "data" / "registry.csv").read_text(encoding="utf-8")
    entries = {}
    for row in parse_rows(text, "registry.csv", COLUMNS):
        span = Span(*(row.number_in(end, 0.0, float("inf")) for end in ("mid", "low", "high")))
        name, kind, per, source = (row.text(column) for column in ("name", "kind", "per", "source"))
        entries[name] = Published(name, kind, per, span, source, row.integer("year", 1900), row.text("note", ""))
    return entries
