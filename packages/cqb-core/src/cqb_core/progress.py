"""Progress on standard error: a bar on a terminal, and one line a task that stays."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def stderr(show: bool = True) -> Console:
    """Plain text on standard error; nothing at all unless `show`."""
    return Console(stderr=True, quiet=not show, highlight=False, markup=False, emoji=False, soft_wrap=True)


@contextmanager
def reporting(what: str, show: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Give a function that takes the numbers of things done and in all, and show them while the block runs.

    At the end of the block the bar gives way to a line with count and time; without a terminal there is only the line.
    """
    console, start, last = stderr(show), time.monotonic(), (0, 0)
    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"))
    bar = Progress(
        TextColumn("{task.description}"),
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=None)

        def report(done: int, total: int) -> None:
            nonlocal last
            last = done, total
            bar.update(task, completed=done, total=total)

        yield report
    console.print(f"{what}: {last[0]} of {last[1]} in {duration(time.monotonic() - start)}")


def duration(seconds: float) -> str:
    """A span in seconds as `4.2 s`, `42 s`, `3:05 min` or `2:07 h` (hours and minutes)."""
    whole = round(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
