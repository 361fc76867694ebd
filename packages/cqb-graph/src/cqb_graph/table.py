"""A table of numbers between two lists of classes: as text, as CSV, as a heat map."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from cqb_graph.heatmap import draw
from cqb_graph.whole_file import write_whole


@dataclass(frozen=True)
class ClassTable:
    """How much each column speaks for each row.

    Args:
        title: what the numbers are.
        rows: classes that receive.
        columns: classes that send.
        values: one number a pair.
        support: how much of each row the image has; 0 where the row says nothing.
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Float[Tensor, "r c"]
    support: Float[Tensor, " r"]

    def of_support(self, least: float) -> "ClassTable":
        """The rows that the image has at least so much of."""
        kept = [place for place, much in enumerate(self.support.tolist()) if much >= least]
        names = [self.rows[place] for place in kept]
        return ClassTable(self.title, names, self.columns, self.values[kept], self.support[kept])

    def text(self, top: int = 3) -> str:
        """A line a row, rows with most support first: its name and the `top` columns that speak for it most."""
        lines = [self.title]
        for place in self.support.argsort(descending=True, stable=True).tolist():
            best = self.values[place].argsort(descending=True, stable=True)[:top].tolist()
            said = ", ".join(f"{self.columns[column]} {self.values[place, column]:.3f}" for column in best)
            lines.append(f"{self.rows[place]} ({self.support[place]:.1f}): {said}")
        return "\n".join(lines)

    def csv(self) -> str:
        """A header of column names, then name, support and values of every row."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class", "support", *self.columns])
        for name, much, values in zip(self.rows, self.support.tolist(), self.values.tolist(), strict=True):
            writer.writerow([name, f"{much:.6g}", *(f"{value:.6g}" for value in values)])
        return file.getvalue()

    def heatmap(self, path: str | PathLike[str]) -> Path:
        """Write a labelled heat map as PNG and return its path.

        Raises:
            ImportError: Pillow is not installed (`pip install "cqb-graph[pictures]"`).
            ValueError: the table has no rows.
        """
        if not self.rows:
            raise ValueError(f"rows: wanted at least one class to draw, got none ({self.title})")
        return write_whole(path, draw(self.title, self.rows, self.columns, self.values.tolist()))
