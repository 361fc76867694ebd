"""The entries that a design asks for: a CSV of `cqb-pareto design`, or label sets by shares of full labels."""

from collections.abc import Mapping, Sequence
from os import PathLike

from cqb_core import InputError, Labels
from cqb_net.pilots.protocol import VARIANTS, Entry, Variant, modules_for
from cqb_pareto.tables import Row, read_rows

REQUIRED = ("full", "rest", "share", "variant", "seed")
OPTIONAL = ("run", "module", "images", "value", *(f"{m}{b}" for m in ("pq", "sq", "rq") for b in ("", "_th", "_st")))


def read_design(path: str | PathLike[str]) -> list[Entry]:
    """The runs of a design, in its order.

    A run of the module variant has every module on that learns from the labels of its rest, and tells of things and
    stuff at once.

    Raises:
        InputError: of cqb-core or of cqb-pareto, naming file, row and column of a cell that is no such run, or of a
            run that stands twice.
    """
    entries: dict[Entry, int] = {}
    for row in read_rows(path, REQUIRED, OPTIONAL):
        entry = _entry(row)
        if entry in entries:
            raise _error(row, "seed", "each run once", f"the run of row {entries[entry]} again")
        entries[entry] = row.number
    return sorted(entries, key=lambda entry: VARIANTS.index(entry.variant))


def crossed(shares: Mapping[str, Sequence[float]], seeds: int) -> list[Entry]:
    """Label sets by shares of full labels, seed by seed, with every module on that learns from the labels of the rest.

    Args:
        shares: of full labels, each above 0 and at most 1, by the label set of the rest; `none` for full labels alone.
        seeds: how many; they are 0, 1, ...

    Raises:
        InputError: for a word that is no label set, or full labels on the rest.
    """
    rests = {Labels.parse(name): of_rest for name, of_rest in shares.items()}
    if Labels.PANOPTIC in rests:
        raise InputError("design", "rest", "labels that cost less than P, or none", "P")
    return [
        Entry(rest, share, "module" if rest else "baseline", "", modules_for(rest), seed, "all")
        for seed in range(seeds)
        for rest, of_rest in rests.items()
        for share in of_rest
    ]


def _entry(row: Row) -> Entry:
    if _labels(row, "full") != Labels.PANOPTIC:
        raise _error(row, "full", "P", row.text("full"))
    share = row.number_in("share", 0.0, 1.0)
    if share == 0:
        raise _error(row, "share", "a share above 0", "0")
    variants: dict[str, Variant] = {variant: variant for variant in VARIANTS}
    variant = variants.get(row.text("variant"))
    if variant is None:
        raise _error(row, "variant", f"one of {', '.join(VARIANTS)}", row.text("variant"))
    rest = _labels(row, "rest")
    modules = modules_for(rest) if variant == "module" else ()
    return Entry(rest, share, variant, "", modules, row.integer("seed", 0), "all")


def _labels(row: Row, column: str) -> Labels:
    try:
        return Labels.parse(row.text(column))
    except InputError as error:
        raise _error(row, column, error.wanted, error.got) from None


def _error(row: Row, column: str, wanted: str, got: str) -> InputError:
    return InputError(row.table, f"row {row.number}, column {column}", wanted, got)
