"""Make a training longer or shorter with its whole schedule."""

from mmengine.config import Config

EPOCH_FIELDS = ("begin", "end", "T_max", "step_size")
"""Lengths that mmengine's schedulers with `by_epoch` count in epochs."""


def set_epochs(config: Config, epochs: int) -> None:
    """Train for `epochs` epochs, in place.

    The learning rate's schedule is stretched as a whole; what counts in iterations (the warm-up) stays. Validation
    comes at the end at the latest.

    Args:
        config: of an epoch-based training.
        epochs: 1 or more.

    Raises:
        ValueError: when `epochs` is below 1.
    """
    if epochs < 1:
        raise ValueError(f"epochs: wanted 1 or more, got {epochs}")
    loop = config.train_cfg
    factor = epochs / loop.max_epochs
    every = loop.get("val_interval", 1)
    loop.max_epochs, loop.val_interval = epochs, epochs if every >= epochs or every == loop.max_epochs else every
    for scheduler in config.get("param_scheduler") or []:
        if scheduler.get("by_epoch", True):
            for field in EPOCH_FIELDS:
                if field in scheduler:
                    scheduler[field] = _scaled(scheduler[field], factor)
            if "milestones" in scheduler:
                scheduler.milestones = [_scaled(epoch, factor) for epoch in scheduler.milestones]


def _scaled(epoch: int, factor: float) -> int:
    return round(epoch * factor) if epoch == 0 else max(1, round(epoch * factor))
