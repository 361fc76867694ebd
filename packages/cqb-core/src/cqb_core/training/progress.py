"""What a person sees of a training: loss, speed, time left, and the score of every validation."""

import time
from collections import deque
from typing import Any

from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from cqb_core.progress import duration, stderr

WINDOW = 50
"""Steps that speed and loss are averaged over."""


class Pace:
    """Loss, images per second and seconds per step over the last `WINDOW` steps; validation does not count.

    Args:
        processes: that train together; each sees as many images as this one.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._steps: deque[tuple[float, float, int]] = deque(maxlen=WINDOW)
        self._since = time.monotonic()

    def rest(self) -> None:
        """Time from the last step until now is not training."""
        self._since = time.monotonic()

    def step(self, loss: float, images: int) -> None:
        """A step has ended."""
        now = time.monotonic()
        self._steps.append((now - self._since, loss, images * self.processes))
        self._since = now

    def note(self, left: int) -> str:
        """What there is to say with so many steps left."""
        if not self._steps:
            return ""
        seconds, losses, images = (sum(column) for column in zip(*self._steps, strict=True))
        count = len(self._steps)
        speed = f"{images / max(seconds, 1e-9):.1f} images/s"
        return f"loss {losses / count:.3f}, {speed}, {duration(left * seconds / count)} left"


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows a training or a test in the main process: a bar on a terminal, a line an epoch anywhere."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self._console: Console = stderr()
        self._bar: Progress | None = None
        self._task = self._val = TaskID(0)
        self._pace = Pace(1)

    def before_train(self, runner: Any) -> None:
        """Show the bar; a resumed run starts where it stopped."""
        self._pace = Pace(runner.world_size)
        self._task = self._add("train", runner.max_iters, runner.iter)

    def before_train_epoch(self, runner: Any) -> None:
        """Leave out the time that validation and checkpoints took."""
        self._pace.rest()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Advance by one step."""
        loss = float((outputs or {}).get("loss", float("nan")))
        self._pace.step(loss, len(data_batch["data_samples"]))
        note = self._pace.note(runner.max_iters - runner.iter - 1)
        if self._bar is not None:
            self._bar.update(self._task, completed=runner.iter + 1, description=_epoch(runner, 1), note=note)

    def after_train_epoch(self, runner: Any) -> None:
        """Leave a line behind."""
        if self._bar is not None:
            self._console.print(f"{_epoch(runner, 1)}: {self._pace.note(runner.max_iters - runner.iter)}")

    def before_val(self, runner: Any) -> None:
        """Show a second bar while validating."""
        self._val = self._add("evaluate", len(runner.val_dataloader))

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Advance the second bar."""
        if self._bar is not None:
            self._bar.advance(self._val)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Leave the score behind."""
        if self._bar is not None:
            self._bar.remove_task(self._val)
            shown = ("PQ", "PQ_things", "PQ_stuff", "mask_AP", "mIoU")
            scores = ", ".join(f"{name} {metrics[name]:.1f}" for name in shown if metrics and name in metrics)
            self._console.print(f"{_epoch(runner, 0)}: {scores}")

    def before_test(self, runner: Any) -> None:
        """Show the bar of a test."""
        self._task = self._add("evaluate", len(runner.test_dataloader))

    def after_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Advance by one batch."""
        if self._bar is not None:
            self._bar.advance(self._task)

    def after_run(self, runner: Any) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, also when training stopped with an error."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _add(self, name: str, total: int, done: int = 0) -> TaskID:
        if not is_main_process():
            return TaskID(0)
        if self._bar is None:
            self._bar = _training_bar(self._console)
            self._bar.start()
        return self._bar.add_task(name, total=total, completed=done, note="")


def _training_bar(console: Console) -> Progress:
    """A bar whose note carries what `Pace` says; it vanishes at the end."""
    columns = (BarColumn(bar_width=16), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    name = TextColumn("{task.description}")
    return Progress(name, *columns, console=console, transient=True, disable=not console.is_terminal)


def _epoch(runner: Any, begun: int) -> str:
    return f"epoch {runner.epoch + begun} of {runner.max_epochs}"
