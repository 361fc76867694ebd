"""Checkpoints that a kill at any moment leaves whole: written beside their name, and the old ones removed after."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from cqb_core.errors import InputError
from cqb_core.files import unfinished, write_text

STEP_NAME = "step_{}.pth"
"""Checkpoints within an epoch, by the number of steps made."""

EPOCH_NOTE = "steps_in_epoch"
"""What a checkpoint says of its epoch in mmengine's message hub: steps made, 0 between epochs, and steps in all."""

VALIDATED_NOTE = "validated_epoch"
"""Likewise: the last epoch whose validation came to its end."""


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """mmengine's hook, with checkpoints within epochs as well, that never leaves a folder without a whole one.

    mmengine removes old checkpoints before it writes new ones, and writes under the final name. Here the folder has one
    checkpoint more than `max_keep_ckpts` for as long as one is written. The newest checkpoint also knows whether its
    epoch was validated, so that a resumed training makes up for a validation that was cut short.

    Args:
        steps: save every so many steps, too; None for whole epochs only. The last of these is kept until a newer
            checkpoint is written.
        kwargs: those of mmengine's `CheckpointHook`.
    """

    file_backend: Any
    keep_ckpt_ids: deque[int]

    def __init__(self, *args: Any, steps: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if steps is not None and (type(steps) is not int or steps < 1):
            raise InputError("default_hooks.checkpoint", "steps", "a number of steps above 0, or None", repr(steps))
        self.steps = steps
        self._newest: int | None = None
        self._written = 0

    def before_train(self, runner: Any) -> None:
        """Take up the checkpoint that the run resumes from, and clear away what a killed run left half written."""
        super().before_train(runner)
        if runner._resume and runner._load_from:
            self.last_ckpt, self._newest = str(runner._load_from), runner.epoch
        if is_main_process():
            for left in unfinished(runner.work_dir):
                left.unlink(missing_ok=True)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Save within an epoch, when it is time and the gradients gathered so far have been used."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        made = runner.iter + 1
        gathered = made % getattr(runner.optim_wrapper, "_accumulative_counts", 1)
        if self.steps is not None and made % self.steps == 0 and not gathered:
            self._newest = None
            self._write(runner, STEP_NAME.format(made), {"epoch": runner.epoch, "iter": made}, batch_idx + 1)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        """Keep the best, and note in the newest checkpoint that its epoch was validated."""
        runner.message_hub.update_info(VALIDATED_NOTE, runner.epoch)
        before = self._written
        super().after_val_epoch(runner, metrics)
        if self._newest == runner.epoch and self._written == before:
            self._save_checkpoint_with_step(runner, runner.epoch, {"epoch": runner.epoch, "iter": runner.iter})

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        backend = self.file_backend
        self.file_backend = later = _RemovedLast(backend)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend = backend
        later.flush([getattr(self, "best_ckpt_path", None), *getattr(self, "best_ckpt_path_dict", {}).values()])

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        stale: list[int] = []
        if self.max_keep_ckpts > 0:
            kept = [*(known for known in self.keep_ckpt_ids if known != step), step]
            stale, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info("keep_ckpt_ids", kept)
        self._newest = step if self.by_epoch else None
        self._write(runner, self.filename_tmpl.format(step), meta)
        if is_main_process():
            for old in stale:
                (Path(self.out_dir) / self.filename_tmpl.format(old)).unlink(missing_ok=True)

    def _write(self, runner: Any, name: str, meta: dict[str, Any], made: int = 0) -> None:
        """Save after `made` steps of an epoch, let `last_checkpoint` point there, and remove older `step_*`."""
        self._written += 1
        self.last_ckpt = str(Path(self.out_dir) / name)
        runner.message_hub.update_info(EPOCH_NOTE, [made, len(runner.train_dataloader)])
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
        )
        if is_main_process():
            write_text(Path(runner.work_dir) / "last_checkpoint", self.last_ckpt)
            for old in Path(self.out_dir).glob(STEP_NAME.format("*")):
                if old.name != name:
                    old.unlink(missing_ok=True)


class _RemovedLast:
    """A file backend that removes files only when it is told to go on."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._removed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Note a file to remove."""
        self._removed.append(path)

    def flush(self, kept: Sequence[str | None]) -> None:
        """Remove the files noted, other than those of `kept`."""
        for path in self._removed:
            if path not in kept and self._backend.isfile(path):
                self._backend.remove(path)
