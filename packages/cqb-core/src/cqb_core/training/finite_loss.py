"""Stop at the first loss that is no number, and say which images made it."""

import math
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_gather_object, all_reduce
from mmengine.hooks import Hook


class NonFiniteLossError(RuntimeError):
    """A training step gave a loss that is NaN or infinite."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Raises `NonFiniteLossError` after a step whose loss is NaN or infinite.

    The message names the terms that are not finite and the image ids of the batch. The step has already changed the
    weights in memory; the checkpoints on disk are those from before it. When several processes train together, all of
    them raise, whichever met it, with the images of those that did.
    """

    priority = "VERY_HIGH"

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Look at the losses of the step."""
        broken = {name: float(value) for name, value in (outputs or {}).items() if not math.isfinite(float(value))}
        met = torch.tensor(float(bool(broken)))
        all_reduce(met, "max")
        if met:
            found = filter(None, all_gather_object(_described(broken, data_batch)))
            raise NonFiniteLossError(f"iteration {runner.iter + 1}: loss is not finite {'; '.join(found)}")


def _described(broken: dict[str, float], batch: Any) -> str:
    """`(TERM=VALUE, ...) on images ID, ...`; nothing when nothing is broken."""
    terms = ", ".join(f"{name}={value}" for name, value in broken.items())
    return f"({terms}) on images {', '.join(str(sample.img_id) for sample in batch['data_samples'])}" if terms else ""
