"""The exact Gaussian sum out_i = sum_j exp(-|f_i - f_j|^2 / 2) v_j, in blocks of rows so that n x n is never stored."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cqb_weak.form import Form

BLOCK = 512
"""Rows of the kernel that exist at a time; 512 x 4096 numbers of float32 are 8 MiB an image."""

FARTHEST = -60.0
"""Least exponent; exp of it is 1e-26. Below about -87 float32 becomes denormal, which slows processors down greatly."""

_FEATURES = Form("features: floating b n d")
_BOTH = Form("features: floating b n d", "values: floating b n c")


def gaussian_sum(
    features: Float[Tensor, "b n d"], values: Float[Tensor, "b n c"], block: int = BLOCK
) -> Float[Tensor, "b n c"]:
    """The sum over all pairs, i = j included. The matrix is symmetric, so each pair is computed once.

    Args:
        features: in units of the Gaussian's standard deviation. They get no gradient.
        values: what is summed; their gradient is the same sum of the incoming gradient, again in blocks.
        block: rows at a time.

    Returns:
        In the wider of float32 and the arguments' type. Squared distances come from inner products: an absolute error
        of about 1e-6 |f|^2 in the exponent in float32, f counted from the features' mean.
    """
    ExactGaussian(features)._check(values)
    wide = torch.promote_types(torch.promote_types(features.dtype, values.dtype), torch.float32)
    summed: Tensor = _Sum.apply(features.detach().to(wide), values.to(wide), block)
    return summed


@dataclass(frozen=True, eq=False)
class ExactGaussian:
    """The sum above as a linear map of `values`; interchangeable with `Lattice`.

    Args:
        features: `b n d`, in units of the Gaussian's standard deviation.
        block: rows of the kernel that exist at a time.
    """

    features: Tensor
    block: int = BLOCK

    symmetric = True

    def __post_init__(self) -> None:
        _FEATURES.check(self.features)
        if self.block < 1:
            raise ValueError(f"block: wanted a positive number of rows, got {self.block}")

    def apply(self, values: Float[Tensor, "b n c"], transposed: bool = False) -> Float[Tensor, "b n c"]:
        """`gaussian_sum` of `values`; the transposed map is the same."""
        return gaussian_sum(self.features, values, self.block)

    def _check(self, values: Tensor) -> None:
        _BOTH.check(self.features, values)


class _Sum(torch.autograd.Function):
    """Linear in the values with a symmetric matrix: the backward pass is the forward pass."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, values: Tensor, block: int) -> Tensor:
        ctx.save_for_backward(features)
        ctx.block = block
        with torch.autocast(values.device.type, enabled=False):
            return _blockwise(features, values, block)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, None]:
        (features,) = ctx.saved_tensors
        return None, _Sum.apply(features, gradient, ctx.block), None


def _blockwise(features: Tensor, values: Tensor, block: int) -> Tensor:
    """Upper triangle by blocks of rows; what lies right of a block's square also acts as its mirror image."""
    centred = features - features.mean(1, keepdim=True)
    half = centred.square().sum(-1, keepdim=True) / -2
    one = torch.ones_like(half)
    left, right = torch.cat([centred, half, one], -1), torch.cat([centred, one, half], -1).mT
    out = torch.zeros_like(values)
    for start in range(0, values.shape[1], block):
        stop = min(start + block, values.shape[1])
        kernel = torch.bmm(left[:, start:stop], right[:, :, start:]).clamp_(FARTHEST, 0).exp_()
        out[:, start:stop] += torch.bmm(kernel, values[:, start:])
        out[:, stop:] += torch.bmm(kernel[:, :, stop - start :].mT, values[:, start:stop])
    return out
