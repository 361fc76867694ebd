"""A CSV that grows by a row at a time and is whole after any kill: rows are appended and flushed, never rewritten."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cqb_core import InputError
from cqb_core.files import write_text
from cqb_core.progress import stderr


class AppendedTable:
    """The file, and its rows so far.

    A last line without an end, or with too few cells, was cut off by a kill or a full disk: it is dropped, with a
    message on standard error.

    Args:
        path: the CSV file; one that is missing is created with its header at the first row.
        columns: its header.

    Attributes:
        rows: the cells by column, in the order of the file.

    Raises:
        InputError: when the file has another header, or a line other than the last has another number of cells.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, tuple(columns)
        self.rows: list[dict[str, str]] = self._recover() if path.exists() else []

    def append(self, row: Mapping[str, object]) -> None:
        """Add a row; it is on disk when this returns. Runs of white space in a cell become one space.

        Raises:
            ValueError: when the row has other columns than the table.
            InputError: when the disk is full; the file is then what it was.
        """
        if set(row) != set(self.columns):
            raise ValueError(f"row: wanted columns {', '.join(self.columns)}, got {', '.join(row)}")
        cells = {column: " ".join(str(row[column]).split()) for column in self.columns}
        if not self.path.exists():
            write_text(self.path, _line(self.columns))
        self._write(_line(list(cells.values())).encode())
        self.rows.append(cells)

    def _write(self, line: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) != len(line):
                    raise OSError("only part of a row was written")
                os.fsync(file.fileno())
            except OSError as error:
                file.truncate(size)
                raise InputError(self.path, "row", "room for it on the disk", error) from error

    def _recover(self) -> list[dict[str, str]]:
        rows, whole, torn = read_rows(self.path, self.columns)
        if torn:
            stderr().print(f"{self.path}: row {len(rows) + 2} was cut off, and is dropped: {torn[:80]!r}")
            with self.path.open("rb+") as file:
                file.truncate(whole)
                os.fsync(file.fileno())
        return rows


def read_rows(path: Path, columns: Sequence[str]) -> tuple[list[dict[str, str]], int, str]:
    """The whole rows of such a table, which another process may be writing; the file stays as it is.

    Returns:
        their cells by column; bytes up to the end of the last whole row; the text of a last row that was cut off.

    Raises:
        InputError: when it is no file, has another header, or a line other than the last has another number of cells.
    """
    if not path.is_file():
        raise InputError(path, "table", "a CSV file", "none there")
    content = path.read_bytes()
    lines = content.decode(errors="replace").splitlines(keepends=True)
    records = [next(csv.reader([line]), []) for line in lines]
    whole, torn = len(content), ""
    if len(lines) > 1 and (not lines[-1].endswith("\n") or len(records[-1]) != len(columns)):
        whole, torn = content.rstrip(b"\n").rfind(b"\n") + 1, lines[-1].strip()
        records.pop()
    if not records or tuple(records[0]) != tuple(columns):
        raise InputError(path, "header", ",".join(columns), ",".join(records[0]) if records else "nothing")
    for number, record in enumerate(records, 1):
        if len(record) != len(columns):
            raise InputError(path, f"row {number}", f"{len(columns)} cells", len(record))
    return [dict(zip(columns, record, strict=True)) for record in records[1:]], whole, torn


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
