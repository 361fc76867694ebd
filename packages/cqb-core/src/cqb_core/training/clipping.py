"""Clip the gradients of what is plugged in apart from the network's own."""

from collections.abc import Callable, Sequence
from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from torch import Tensor, nn

from cqb_core.models.auxiliary import Auxiliary

Clip = Callable[..., Tensor | None]
"""`torch.nn.utils.clip_grad_norm_` or `clip_grad_value_`."""


@HOOKS.register_module()
class ApartClippingHook(Hook):
    """Lets `optim_wrapper.clip_grad` clip each auxiliary's gradients by themselves, and so the network's own.

    In one norm with the network's, a loud auxiliary takes steps from all else that learns, even where nothing of its
    gradient reaches the network. The norm that is logged is the network's. A network without auxiliaries is clipped as
    ever.
    """

    def before_train(self, runner: Any) -> None:
        """Put the clipping of parts in the place of the optimiser's own."""
        wrapper = runner.optim_wrapper
        if wrapper.clip_grad_kwargs and not isinstance(wrapper.clip_func, PartsClip):
            wrapper.clip_func = PartsClip(wrapper.clip_func, runner.model)


class PartsClip:
    """Calls a clipping function once for the network and once for each kind of auxiliary.

    Args:
        clip: what clips a list of parameters.
        network: whose auxiliaries are told from the rest of it, wrapped or not; those of all stages are one part.
    """

    def __init__(self, clip: Clip, network: nn.Module) -> None:
        self.clip = clip
        self.part = {
            id(parameter): module.name
            for module in network.modules()
            if isinstance(module, Auxiliary)
            for parameter in module.parameters()
        }

    def __call__(self, parameters: Sequence[Tensor], **options: Any) -> Tensor | None:
        """Clip the gradients in place, and give what `clip` gives for the network's."""
        parts: dict[str | None, list[Tensor]] = {None: []}
        for parameter in parameters:
            parts.setdefault(self.part.get(id(parameter)), []).append(parameter)
        own = self.clip(parts.pop(None), **options)
        for each in parts.values():
            self.clip(each, **options)
        return own
