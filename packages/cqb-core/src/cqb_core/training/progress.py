"""A progress bar for training and validation: loss, speed and time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def progress_bar() -> Progress:
    """The bar that every long task here shows, on standard error."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


@contextmanager
def reporting(what: str, show: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar for `report(done, total)` while the block runs."""
    with progress_bar() if show else nullcontext() as bar:
        task = bar.add_task(what, total=None, note="") if bar else TaskID(0)
        yield lambda done, total: bar.update(task, completed=done, total=total) if bar else None


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows the bar in the main process. Speed is in images a second over all processes."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task = self._val = TaskID(0)

    def before_train(self, runner: Any) -> None:
        """Show the bar; a resumed run starts where it stopped."""
        if is_main_process():
            self._bar = progress_bar()
            self._bar.start()
            self._task = self._bar.add_task("train", total=runner.max_iters, completed=runner.iter, note="")

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Advance by one step."""
        if self._bar is None:
            return
        images = len(data_batch["data_samples"]) * runner.world_size
        speed = images * (self._bar.tasks[self._task].speed or 0)
        note = f"loss {float((outputs or {}).get('loss', float('nan'))):.3f}  {speed:.1f} images/s"
        name = f"train, epoch {runner.epoch + 1} of {runner.max_epochs}"
        self._bar.update(self._task, completed=runner.iter + 1, description=name, note=note)

    def before_val(self, runner: Any) -> None:
        """Show a second bar while validating."""
        if self._bar is not None:
            self._val = self._bar.add_task("evaluate", total=len(runner.val_dataloader), note="")

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Advance the second bar."""
        if self._bar is not None:
            self._bar.advance(self._val)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Leave the score behind."""
        if self._bar is not None and metrics:
            self._bar.remove_task(self._val)
            self._bar.console.print(f"epoch {runner.epoch}: PQ {metrics.get('PQ', float('nan')):.1f}")

    def before_test(self, runner: Any) -> None:
        """Show the bar of a test."""
        if is_main_process():
            self._bar = progress_bar()
            self._bar.start()
            self._task = self._bar.add_task("evaluate", total=len(runner.test_dataloader), note="")

    def after_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Advance by one batch."""
        if self._bar is not None:
            self._bar.advance(self._task)

    def after_test(self, runner: Any) -> None:
        """Take the bar away."""
        self.close()

    def after_run(self, runner: Any) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, also when training stopped with an error."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
