"""What the semantic branch sees around each region."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchvision.ops import roi_align

STRIDE = 4
"""Pixels of the image a cell of the logits."""


def surroundings(
    logits: Float[Tensor, "m s h w"],
    valid: Bool[Tensor, "m h w"],
    boxes: Float[Tensor, "k 4"],
    image: Int[Tensor, " k"],
    factor: float,
) -> Float[Tensor, "k s"]:
    """The mean probability of each semantic class in a frame of `factor` times a box's sides around its middle.

    Args:
        logits: of the semantic branch.
        valid: False where a cell lies in the padding, which counts as no class.
        boxes: xyxy in pixels of the padded batch.
        image: of each box, among the m.
        factor: 1 for the box itself.
    """
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) * factor / 2
    frames = torch.cat([image[:, None].to(boxes.dtype), middle - half, middle + half], dim=1)
    shares = logits.softmax(dim=1) * valid[:, None]
    found: Tensor = roi_align(
        shares, frames.to(shares.dtype), 1, spatial_scale=1 / STRIDE, sampling_ratio=6, aligned=True
    )
    return found.flatten(1)
