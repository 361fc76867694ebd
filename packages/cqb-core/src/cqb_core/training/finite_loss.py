"""Stop at the first loss that is no number, and say which images made it."""

import math
from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook


class NonFiniteLossError(RuntimeError):
    """A training step gave a loss that is NaN or infinite."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Raises `NonFiniteLossError` after a step whose loss is NaN or infinite.

    The message names the terms that are not finite and the image ids of the batch. The step has already changed the
    weights in memory; the checkpoints on disk are those from before it.
    """

    priority = "VERY_HIGH"

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Look at the losses of the step."""
        broken = {name: float(value) for name, value in (outputs or {}).items() if not math.isfinite(float(value))}
        if broken:
            terms = ", ".join(f"{name}={value}" for name, value in broken.items())
            images = ", ".join(str(sample.img_id) for sample in data_batch["data_samples"])
            raise NonFiniteLossError(f"iteration {runner.iter + 1}: loss is not finite ({terms}) on images {images}")
