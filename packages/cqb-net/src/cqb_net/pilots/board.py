"""What a person sees of a sweep: how many trainings are done, failed and running, and how long the rest will take."""

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cqb_core.progress import duration, stderr


class Board:
    """A bar on a terminal, and one line a training that stays.

    Args:
        total: trainings of the sweep.
        done: those that earlier starts have finished.
        failed: those that failed then and are not tried again.
        slots: trainings at a time.
        show: whether to show anything.
    """

    def __init__(self, total: int, done: int, failed: int, slots: int, show: bool = True) -> None:
        self.total, self.done, self.failed, self.slots = total, done, failed, slots
        self._begun, self._ended = time.monotonic(), 0
        self._console = stderr(show)
        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
        hidden = not self._console.is_terminal
        self._bar = Progress("pilots", *columns, console=self._console, transient=True, disable=hidden)
        self._task = self._bar.add_task("pilots", total=total, completed=done + failed, note=self.note)

    def __enter__(self) -> "Board":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def left(self) -> int:
        """Trainings that are still to end."""
        return self.total - self.done - self.failed

    @property
    def note(self) -> str:
        """The counts, and the time left by the pace of the trainings that have ended since the start."""
        counts = f"{self.done} done, {self.failed} failed, {min(self.left, self.slots)} running"
        if not self._ended or not self.left:
            return counts
        return f"{counts}, about {duration((time.monotonic() - self._begun) / self._ended * self.left)} left"

    def finished(self, title: str, result: str, seconds: float) -> None:
        """A training has its result."""
        self.done, self._ended = self.done + 1, self._ended + 1
        self._say(f"{title}: {result} in {duration(seconds)}")

    def gave_up(self, title: str, error: str) -> None:
        """A training has failed for good."""
        self.failed, self._ended = self.failed + 1, self._ended + 1
        self._say(f"{title}: failed: {error}")

    def lost(self, title: str, error: str) -> None:
        """A training was lost and will be tried again."""
        self._say(f"{title}: {error}; it is tried again later")

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text)

    def _say(self, text: str) -> None:
        self._bar.update(self._task, completed=self.done + self.failed, note=self.note)
        self._console.print(f"{text} ({self.note})")
