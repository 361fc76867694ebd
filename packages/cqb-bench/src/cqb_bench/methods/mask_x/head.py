"""A mask head whose last layer is made from what the box head knows of each class (Hu et al. 2018, Sec. 3)."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.registry import MODELS
from torch import Tensor, nn


def detector_weights(head: BBoxHead) -> Float[Tensor, "t d"]:
    """Each thing class's weights in a box head, those of its score and then those of its box, without gradient.

    A head that regresses all classes alike has one set of box weights, which every class then shares.
    """
    things = head.num_classes
    scores, boxes = head.fc_cls.weight[:things], head.fc_reg.weight
    boxes = boxes.reshape(1, -1).expand(things, -1) if head.reg_class_agnostic else boxes.reshape(things, -1)
    return torch.cat([scores, boxes], dim=1).detach()


def weight_transfer(detector_dim: int, mask_dim: int) -> nn.Sequential:
    """T: from a class's detector weights to its mask weights; two layers, LeakyReLU of slope 0.1 between them."""
    layers = nn.Linear(detector_dim, mask_dim), nn.Linear(mask_dim, mask_dim)
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.LeakyReLU(0.1), layers[1])


def gist(channels: int, cells: int, hidden: int, out_cells: int) -> nn.Sequential:
    """A whole mask, of no class, from a whole RoI: what a convolution cannot see. It starts near zero."""
    first, last = nn.Linear(channels * cells, hidden), nn.Linear(hidden, out_cells)
    nn.init.kaiming_normal_(first.weight, nonlinearity="relu")
    nn.init.zeros_(first.bias)
    nn.init.normal_(last.weight, std=0.001)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), last)


@MODELS.register_module()
class MaskXHead(FCNMaskHead):
    """mmdet's mask head without its last layer, the weights of which are predicted, plus a fully connected mask.

    Args:
        detector_dim: length of a class's detector weights.
        hidden: units of the fully connected mask; 0 leaves it out.
        kwargs: those of `FCNMaskHead`; `roi_feat_size` must be the side of the RoI features.

    Raises:
        ValueError: when `hidden` is negative or the masks are to be class-agnostic.
    """

    conv_logits: Any

    def __init__(self, detector_dim: int, hidden: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.class_agnostic:
            raise ValueError("class_agnostic: wanted False, since each class has mask weights of its own, got True")
        if hidden < 0:
            raise ValueError(f"hidden: wanted 0 or more units, got {hidden}")
        mask_dim = self.conv_logits.in_channels
        self.conv_logits = None
        self.transfer = weight_transfer(detector_dim, mask_dim)
        height, width = self.roi_feat_size
        scale = 1 if self.upsample is None else self.scale_factor
        self.size = height * scale, width * scale
        channels = self.conv_out_channels if self.num_convs else self.in_channels
        self.gist = gist(channels, height * width, hidden, self.size[0] * self.size[1]) if hidden else None

    def forward(self, x: Float[Tensor, "n c h w"], detector: Float[Tensor, "t d"]) -> Float[Tensor, "n t H W"]:
        """Mask logits of every class.

        Args:
            x: RoI features.
            detector: each class's weights in the box head, see `detector_weights`.

        Raises:
            ValueError: when the features have another side than `roi_feat_size`.
        """
        if x.shape[2:] != self.roi_feat_size:
            raise ValueError(f"roi_feat_size: wanted the features' {tuple(x.shape[2:])}, got {self.roi_feat_size}")
        for conv in self.convs:
            x = conv(x)
        fine = x if self.upsample is None else self.upsample(x)
        if self.upsample_method == "deconv":
            fine = fine.relu()
        logits = F.conv2d(fine, self.transfer(detector)[:, :, None, None])
        return logits if self.gist is None else logits + self.gist(x).reshape(len(x), 1, *self.size)
