"""Tables on standard output."""

from rich.console import Console

WIDTH = 140
"""Columns of a table that goes to a file or a pipe, which have no width of their own."""


def console() -> Console:
    """Standard output, as wide as the terminal or `WIDTH`; names of classes with brackets in them stay as they are."""
    made = Console(highlight=False, markup=False)
    if not made.is_terminal:
        made.width = WIDTH
    return made
