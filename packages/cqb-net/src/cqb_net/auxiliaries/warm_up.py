"""When a term may begin to teach: after some steps, or after a share of the training."""

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from cqb_core import InputError


class WarmUp(nn.Module):
    """Counts training steps; the count travels with the weights, so that a resumed training goes on where it was.

    Args:
        length: steps when it is 1 or more, else the share of the training's steps. In a training whose length mmengine
            does not tell, a share counts as over.

    Raises:
        InputError: for a negative length, or one above 1 that is not whole.
    """

    def __init__(self, length: int | float) -> None:
        super().__init__()
        if length < 0 or (length > 1 and length != int(length)):
            raise InputError("config", "warm_up", "whole steps, or a share of the training from 0 to 1", length)
        self.length = length
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self) -> bool:
        """Count a step, and say whether the warm-up was over before it."""
        done = int(self.steps)
        self.steps += 1
        return done >= self._steps()

    def _steps(self) -> int | float:
        if self.length >= 1:
            return self.length
        total = MessageHub.get_current_instance().get_info("max_iters", 0)
        return self.length * int(total)
