"""A Panoptic FPN head for thin and rare stuff: finer logits, a loss at the image's size, classes weighed by rarity.

At stride 4 a pole two pixels wide is a matter of luck: even the ground truth itself, taken at every fourth pixel and
enlarged again, loses most of it. Logits that are enlarged before the loss learn where such a thing runs. And where one
pixel in a hundred is a pole, a network that is unsure does best by never saying so.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from mmdet.models.losses import CrossEntropyLoss
from mmdet.models.necks import FPN
from mmdet.models.seg_heads import PanopticFPNHead
from mmdet.registry import MODELS
from mmengine.dist import all_reduce
from torch import Tensor, nn


@MODELS.register_module()
class FineSemanticHead(PanopticFPNHead):
    """mmdet's `PanopticFPNHead`, its logits sharpened by a finer map at the end, with another loss.

    Auxiliaries see the logits before they are sharpened, at the stride of the feature.

    Args:
        loss_stride: pixels of the image per pixel of the loss, 1 or more; mmdet's head has 4.
        class_balance: see `BalancedLoss`; 0 weighs all pixels alike, as mmdet's head does.
        detail_channels: of the map that `refine` reads, which `DetailFPN` passes on; 0 for none.
        kwargs: those of `PanopticFPNHead`.

    Raises:
        ValueError: when `loss_stride` is below 1 or `class_balance` not in 0..1.
    """

    loss_seg: Any

    def __init__(
        self, *, loss_stride: int = 1, class_balance: float = 0.0, detail_channels: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if loss_stride < 1:
            raise ValueError(f"loss_stride: wanted 1 or more pixels, got {loss_stride}")
        if not 0 <= class_balance <= 1:
            raise ValueError(f"class_balance: wanted a power from 0 to 1, got {class_balance}")
        self.seg_rescale_factor = 1 / loss_stride
        if class_balance:
            self.loss_seg = BalancedLoss(self.loss_seg, self.num_stuff_classes + 1, class_balance)
        self.sharpen = _sharpening(detail_channels, self.num_stuff_classes + 1) if detail_channels else None

    def observe(self, target: Shaped[Tensor, "m H W"] | None) -> None:
        """Count the classes of a batch of training, None for one without a map; every process must call it."""
        if isinstance(self.loss_seg, BalancedLoss):
            self.loss_seg.count(target)

    def refine(self, logits: Float[Tensor, "m k h w"], detail: Float[Tensor, "m c H W"]) -> Float[Tensor, "m k H W"]:
        """The logits at the size of `detail`, moved to the edges that it shows; untrained, they are enlarged only."""
        enlarged = F.interpolate(logits, size=detail.shape[2:], mode="bilinear", align_corners=False)
        if self.sharpen is None:
            return enlarged
        refined: Tensor = enlarged + self.sharpen(torch.cat([detail, enlarged], dim=1))
        return refined


@MODELS.register_module()
class DetailFPN(FPN):
    """mmdet's FPN of all maps but the first, which is handed on, in front of the pyramid, for `FineSemanticHead`.

    Args:
        kwargs: those of `FPN`; `in_channels` without the first map's.
    """

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The finest map as it is, then the pyramid."""
        return (inputs[0], *super().forward(inputs[1:]))


def _sharpening(detail: int, classes: int, width: int = 32) -> nn.Sequential:
    """Two 3x3 convolutions and a 1x1 that starts at zero."""
    last = nn.Conv2d(width, classes, 1)
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    layers = [nn.Conv2d(detail + classes, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
    return nn.Sequential(*layers, nn.ReLU(), last)


class BalancedLoss(nn.Module):
    """Weigh a pixel by its class's frequency to the power of minus `power`; the mean weight over all pixels is 1.

    Frequencies are those of the pixels that all processes have counted; they travel with the checkpoint.

    Args:
        loss: takes logits `p k`, classes `p` and `weight`, `p`; ignores one class.
        num_classes: k.
        power: 1 lets every class count alike, 0 every pixel.
    """

    def __init__(self, loss: CrossEntropyLoss, num_classes: int, power: float) -> None:
        super().__init__()
        self.loss, self.power = loss, power
        self.pixels: Tensor
        self.register_buffer("pixels", torch.zeros(num_classes, dtype=torch.float64))

    def count(self, classes: Tensor | None) -> None:
        """Add the pixels of this step, those of all processes; None for none of them here."""
        pixels = torch.zeros_like(self.pixels)
        if classes is not None:
            known = classes[classes != self.loss.ignore_index].long()
            pixels += torch.bincount(known, minlength=len(pixels))
        all_reduce(pixels)
        self.pixels += pixels

    def forward(self, logits: Float[Tensor, "p k"], classes: Int[Tensor, " p"]) -> Tensor:
        """The weighted loss, by what is counted so far."""
        known = classes != self.loss.ignore_index
        weight = self.class_weights().to(logits.dtype)[classes.where(known, 0)]
        loss: Tensor = self.loss(logits, classes, weight=weight)
        return loss

    def class_weights(self) -> Float[Tensor, " k"]:
        """The weight of each class; that of a class never seen is as if one pixel had been."""
        share = self.pixels.clamp_min(1) / self.pixels.sum().clamp_min(1)
        weight = share**-self.power
        return weight / (weight * share).sum()
