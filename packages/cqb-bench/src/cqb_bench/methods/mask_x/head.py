"""A mask head whose last layer is made from what the box head knows of each class (Hu et al. 2018, Sec. 3)."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.registry import MODELS
from torch import Tensor, nn

from cqb_core.models.fused_mask_head import FusedMaskHead


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


@MODELS.register_module()
class MaskXHead(FusedMaskHead):
    """cqb-core's fused mask head without its last layer, the weights of which are predicted.

    Args:
        detector_dim: length of a class's detector weights.
        hidden: units of the fully connected mask; 0 leaves it out.
        kwargs: those of `FCNMaskHead`; `roi_feat_size` must be the side of the RoI features.

    Raises:
        ValueError: when `hidden` is negative or the masks are to be class-agnostic.
    """

    conv_logits: Any

    def __init__(self, detector_dim: int, hidden: int = 256, **kwargs: Any) -> None:
        super().__init__(hidden=0, **kwargs)
        if self.class_agnostic:
            raise ValueError("class_agnostic: wanted False, since each class has mask weights of its own, got True")
        mask_dim = self.conv_logits.in_channels
        self.conv_logits = None
        self.transfer = weight_transfer(detector_dim, mask_dim)
        self.add_gist(hidden)

    def forward(  # type: ignore[override]  # its cascade shows it the box head
        self, x: Float[Tensor, "n c h w"], detector: Float[Tensor, "t d"]
    ) -> Float[Tensor, "n t H W"]:
        """Mask logits of every class.

        Args:
            x: RoI features.
            detector: each class's weights in the box head, see `detector_weights`.

        Raises:
            ValueError: when the features have another side than `roi_feat_size`.
        """
        coarse, fine = self.features(x)
        return self.fused(F.conv2d(fine, self.transfer(detector)[:, :, None, None]), coarse)
