"""Whether a class is in an image: proposal scores, coupled with the detector's probabilities, summed over proposals."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

EPS = 1e-6
"""How far image scores stay from 0 and 1."""


def detector_probabilities(logits: Float[Tensor, "n k"], num_classes: int) -> Float[Tensor, "n t"]:
    """What the detector thinks of each class, float32 at least.

    t + 1 columns are a softmax with the background last, which is dropped after it; t columns are independent sigmoids,
    as one-stage detectors have them.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if logits.shape[1] == num_classes:
        return logits.sigmoid()
    return logits.softmax(1)[:, :num_classes]


def image_scores(
    mid: Float[Tensor, "n t"],
    probabilities: Float[Tensor, "n t"] | None,
    image_index: Int[Tensor, " n"],
    num_images: int,
    eps: float = EPS,
) -> Float[Tensor, "b t"]:
    """s_bc = sum over the proposals n of image b of mid_nc p_nc, clamped to [eps, 1 - eps].

    Args:
        mid: phi_MID, from `mid_scores`.
        probabilities: p, the detector's own; none for plain WSDDN, s_bc = sum mid_nc.
        image_index: image of each proposal, 0..b-1, in any order.
        num_images: b; an image without any proposal scores eps.
        eps: outside of it there is no gradient.
    """
    scores = mid if probabilities is None else mid * probabilities
    index = image_index.long().unsqueeze(1).expand_as(scores)
    return scores.new_zeros(num_images, scores.shape[1]).scatter_add(0, index, scores).clamp(eps, 1 - eps)
