"""The score of a bag from its cells: the maximum, or one of the smooth maxima of Wang & Xia 2021.

A pooling takes logits (bags and their cells), which cells belong to a bag (broadcasts against the logits) and a
sharpness, and reduces the last axis to the logit of the bag. Every bag has one cell or more.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid

Pooling = Callable[[Tensor, Tensor, float], Tensor]


def maximum(logits: Float[Tensor, "n l k"], member: Bool[Tensor, "#n #l k"], sharpness: float) -> Float[Tensor, "n l"]:
    """The largest logit; cells that tie share its gradient. `sharpness` has no effect."""
    return logits.masked_fill(~member, -torch.inf).amax(-1)


def alpha_softmax(
    logits: Float[Tensor, "n l k"], member: Bool[Tensor, "#n #l k"], sharpness: float
) -> Float[Tensor, "n l"]:
    """Logit of sum p e^(alpha p) / sum e^(alpha p) over the cells' probabilities p, alpha = `sharpness` > 0."""
    scaled = (sharpness * logits.sigmoid()).masked_fill(~member, -torch.inf)
    weights = torch.log_softmax(scaled, -1)
    return torch.logsumexp(weights + logsigmoid(logits), -1) - torch.logsumexp(weights + logsigmoid(-logits), -1)


def quasimax(logits: Float[Tensor, "n l k"], member: Bool[Tensor, "#n #l k"], sharpness: float) -> Float[Tensor, "n l"]:
    """Logit of (1 / alpha) log mean e^(alpha p) over the cells' probabilities p, alpha = `sharpness` > 0.

    It stays below the largest probability unless all cells have it: (log k) / alpha at most.
    """
    count = member.sum(-1).to(logits.dtype)
    scaled, missing = sharpness * logits.sigmoid(), -sharpness * (-logits).sigmoid()
    over = torch.log1p(torch.expm1(scaled).masked_fill(~member, 0).sum(-1) / count)
    # The mean of e^(-alpha q) needs log1p where it is near 1 and logsumexp where it is near 0.
    under = torch.expm1(missing).masked_fill(~member, 0).sum(-1) / count
    low = torch.logsumexp(missing.masked_fill(~member, -torch.inf), -1) - count.log()
    return _safe_log(over) - _safe_log(-torch.where(under > -0.5, torch.log1p(under.clamp(min=-0.5)), low))


def _safe_log(x: Float[Tensor, "n l"]) -> Float[Tensor, "n l"]:
    return x.clamp(min=torch.finfo(x.dtype).tiny).log()


POOLINGS: dict[str, Pooling] = {"max": maximum, "alpha-softmax": alpha_softmax, "quasimax": quasimax}
