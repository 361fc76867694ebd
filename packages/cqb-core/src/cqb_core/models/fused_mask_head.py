"""A mask head that sees the whole of a RoI, too: fully-connected fusion (Liu et al. 2018, "Path Aggregation Network for
Instance Segmentation", Sec. 3.4).

A few convolutions see a part of an object at a time. Fully connected layers see all of it and tell its outline; they
know nothing of classes, so that all of them teach it.
"""

from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.registry import MODELS
from torch import Tensor, nn


def gist(channels: int, cells: int, hidden: int, out_cells: int) -> nn.Sequential:
    """A whole mask, of no class, from a whole RoI: what a convolution cannot see. It starts near zero."""
    first, last = nn.Linear(channels * cells, hidden), nn.Linear(hidden, out_cells)
    nn.init.kaiming_normal_(first.weight, nonlinearity="relu")
    nn.init.zeros_(first.bias)
    nn.init.normal_(last.weight, std=0.001)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), last)


@MODELS.register_module()
class FusedMaskHead(FCNMaskHead):
    """mmdet's mask head, to whose logits of every class a fully connected mask is added.

    Args:
        hidden: units of the fully connected mask; 0 leaves it out.
        kwargs: those of `FCNMaskHead`; `roi_feat_size` must be the side of the RoI features.

    Raises:
        ValueError: when `hidden` is negative.
    """

    def __init__(self, hidden: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_gist(hidden)

    def add_gist(self, hidden: int) -> None:
        """Build the fully connected mask; see the arguments of the class."""
        if hidden < 0:
            raise ValueError(f"hidden: wanted 0 or more units, got {hidden}")
        height, width = self.roi_feat_size
        scale = 1 if self.upsample is None else self.scale_factor
        self.size = height * scale, width * scale
        channels = self.conv_out_channels if self.num_convs else self.in_channels
        self.gist = gist(channels, height * width, hidden, self.size[0] * self.size[1]) if hidden else None

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n t H W"]:
        """Mask logits of every class.

        Raises:
            ValueError: when the features have another side than `roi_feat_size`.
        """
        coarse, fine = self.features(x)
        return self.fused(self.conv_logits(fine), coarse)

    def features(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n d h w"], Float[Tensor, "n e H W"]]:
        """What the convolutions make of RoI features, before and after it is enlarged.

        Raises:
            ValueError: when the features have another side than `roi_feat_size`.
        """
        if x.shape[2:] != self.roi_feat_size:
            raise ValueError(f"roi_feat_size: wanted the features' {tuple(x.shape[2:])}, got {self.roi_feat_size}")
        for conv in self.convs:
            x = conv(x)
        fine = x if self.upsample is None else self.upsample(x)
        return x, F.relu(fine) if self.upsample_method == "deconv" else fine

    def fused(self, logits: Float[Tensor, "n t H W"], coarse: Float[Tensor, "n d h w"]) -> Float[Tensor, "n t H W"]:
        """The logits with the fully connected mask added to each class."""
        return logits if self.gist is None else logits + self.gist(coarse).reshape(len(coarse), 1, *self.size)
