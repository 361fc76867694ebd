"""Tables on standard output."""

from rich.console import Console

WIDTH = 140
"""Columns of a table that goes to a file or a pipe, which have no width of their own."""


def console() -> Console:
    """Standard output: as wide as the terminal, or `WIDTH`."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = WIDTH
    return made
