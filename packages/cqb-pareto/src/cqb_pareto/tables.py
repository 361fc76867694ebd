"""Reading a CSV so that every complaint names the file, the row and the column."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from cqb_pareto.errors import InputError


@dataclass(frozen=True)
class Row:
    """One line of a table; `number` counts lines of the file from 1, the header included."""

    table: str
    number: int
    cells: Mapping[str, str]

    def error(self, column: str, wanted: str, got: object) -> InputError:
        """The complaint about one cell."""
        return InputError(self.table, f"row {self.number}, column {column}", wanted, got)

    def text(self, column: str, default: str | None = None) -> str:
        """The cell; the default where it is blank, else an `InputError` when there is no default."""
        value = self.cells.get(column, "").strip()
        if value:
            return value
        if default is None:
            raise self.error(column, "a value", "nothing")
        return default

    def number_in(self, column: str, low: float, high: float, default: float | None = None) -> float:
        """A finite number in [low, high]; the default (not checked, so it may be NaN) where the cell is blank."""
        value = self.text(column, "" if default is not None else None)
        if not value and default is not None:
            return default
        wanted = f"a number >= {low:g}" if math.isinf(high) else f"a number from {low:g} to {high:g}"
        try:
            number = float(value)
        except ValueError:
            raise self.error(column, wanted, repr(value)) from None
        if not (math.isfinite(number) and low <= number <= high):
            raise self.error(column, wanted, value)
        return number

    def integer(self, column: str, low: int, default: int | None = None) -> int:
        """A whole number >= low."""
        number = self.number_in(column, float(low), math.inf, None if default is None else float(default))
        if number != int(number):
            raise self.error(column, "a whole number", self.text(column))
        return int(number)


def read_rows(path: str | PathLike[str], required: Iterable[str], optional: Iterable[str] = ()) -> list[Row]:
    """The rows of a CSV file with a header; lines that start with `#` are comments.

    Raises:
        InputError: no such file, no rows, a missing, unknown or repeated column, or a row with too many cells.
    """
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(name, "file", "a CSV file", "no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(name, "file", "a CSV file in UTF-8", error) from None
    return parse_rows(text, name, required, optional)


def parse_rows(text: str, name: str, required: Iterable[str], optional: Iterable[str] = ()) -> list[Row]:
    """`read_rows` for text that is already in memory; `name` stands for the file in complaints."""
    lines = ((n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#"))
    cells = [(number, _cells(line, number, name)) for number, line in lines]
    if len(cells) < 2:
        raise InputError(name, "table", "a header and at least one row", f"{len(cells)} lines")
    header = [column.strip() for column in cells[0][1]]
    _check_header(header, name, list(required), list(optional))
    return list(_rows(header, cells[1:], name))


def _cells(line: str, number: int, name: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise InputError(name, f"row {number}", "cells that end on their line", error) from None


def _check_header(header: list[str], name: str, required: list[str], optional: list[str]) -> None:
    for column in required:
        if column not in header:
            raise InputError(name, f"column {column}", f"columns {', '.join(required)}", f"{', '.join(header)}")
    for column in header:
        if column not in required + optional:
            raise InputError(name, f"column {column}", f"one of {', '.join(required + optional)}", "an unknown column")
        if header.count(column) > 1:
            raise InputError(name, f"column {column}", "each column once", f"{header.count(column)} times")


def _rows(header: list[str], cells: list[tuple[int, list[str]]], name: str) -> Iterator[Row]:
    for number, values in cells:
        if len(values) != len(header):
            raise InputError(name, f"row {number}", f"{len(header)} cells", f"{len(values)}")
        yield Row(name, number, dict(zip(header, values, strict=True)))
