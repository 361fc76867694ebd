"""Gaussian sums in time linear in the pixels, through the permutohedral lattice (Adams, Baek and Davis 2010).

Splat each pixel onto the d + 1 vertices around it, blur along the lattice's d + 1 axes, slice back. The vertices in
use are found by sorting whole-number keys, which runs alike on processors and GPUs; every step of the filter is then a
sum of weighted rows (`embedding_bag`).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from cqb_weak.form import Form
from cqb_weak.permutohedral.simplex import enclosing_simplex, project

_FEATURES = Form("features: floating b n d")
_VALUES = Form("values: floating b n c", "lattice: floating _ _")


@dataclass(frozen=True)
class Rows:
    """A sparse matrix: row m of the result is the sum of `weights` x rows `index` of the input.

    Args:
        index: rows of the input, int32 or int64; `m k`, or flat with `offsets`.
        weights: like `index`.
        offsets: m + 1 ends of the rows in a flat index; none when all rows have k entries.
    """

    index: Tensor
    weights: Tensor
    offsets: Tensor | None = None

    def __matmul__(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "m c"]:
        return embedding_bag(
            self.index,
            values,
            self.offsets,
            mode="sum",
            per_sample_weights=self.weights.to(values.dtype),
            include_last_offset=self.offsets is not None,
        )


@dataclass(frozen=True, eq=False)
class Lattice:
    """A = alpha S' B_d ... B_0 S for one batch of features: build it once, apply it to any values.

    S splats, S' slices, B_j blurs with (1/2, 1, 1/2) along axis j, alpha = 1 / (1 + 2^-d). Each B_j is symmetric, so
    the transpose is the same filter with the axes in reverse order; A itself is symmetric only nearly (the axes' order
    matters where a vertex is missing).
    A x ones is about half of the exact Gaussian sum in five dimensions, because only vertices that touch a pixel exist.
    Divide by it (`apply(ones)`) for what approximates a normalised Gaussian.

    Args:
        shape: b images of n pixels.
        splat, slice: between pixels and vertices.
        blur: by axis, between vertices.
    """

    shape: tuple[int, int]
    splat: Rows
    slice: Rows
    blur: tuple[Rows, ...]

    symmetric = False

    @classmethod
    def of(cls, features: Float[Tensor, "b n d"]) -> "Lattice":
        """The lattice of `features`, in units of the Gaussian's standard deviation; no gradient flows to them.

        Memory: about 12 (d + 1) bytes a pixel and 24 (d + 1) a vertex. Raises TypeError or ValueError unless `features`
        are finite floating-point numbers of shape `b n d` with d >= 1.
        """
        _check(features)
        return _build(features.detach().to(torch.promote_types(features.dtype, torch.float32)))

    @property
    def vertices(self) -> int:
        """How many vertices touch a pixel, all images together."""
        return len(self.blur[0].index)

    def apply(self, values: Float[Tensor, "b n c"], transposed: bool = False) -> Float[Tensor, "b n c"]:
        """A x `values`, or A' x `values`, image by image.

        Differentiable any number of times in the values (the gradient is the transposed filter). Computed in the wider
        of float32 and the values' type.
        """
        self._check(values)
        wide = values.to(torch.promote_types(values.dtype, torch.float32))
        if not wide.numel():
            return wide
        filtered: Tensor = _Filter.apply(wide.flatten(0, 1), self, transposed)
        return filtered.view(values.shape)

    def _check(self, values: Tensor) -> None:
        b, n = self.shape
        _VALUES.check(values, self.slice.weights, b=b, n=n)


class _Filter(torch.autograd.Function):
    """Linear in the values; the backward pass is the transposed filter."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, lattice: Lattice, transposed: bool) -> Tensor:
        ctx.lattice, ctx.transposed = lattice, transposed
        at_vertices = lattice.splat @ values.contiguous()
        for rows in reversed(lattice.blur) if transposed else lattice.blur:
            at_vertices = rows @ at_vertices
        return (lattice.slice @ at_vertices).div_(1 + 2.0 ** (1 - len(lattice.blur)))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Filter.apply(gradient, ctx.lattice, not ctx.transposed), None, None


def _check(features: Tensor) -> None:
    _FEATURES.check(features)
    if not features.shape[-1]:
        raise ValueError(f"features: wanted at least one feature a pixel, got shape {tuple(features.shape)}")
    if not bool(torch.isfinite(features).all()):
        raise ValueError("features: wanted finite numbers, got a NaN or an infinity")


def _build(features: Float[Tensor, "b n d"]) -> Lattice:
    b, n, d = features.shape
    origin, rank, weights = enclosing_simplex(features)
    strides, stride_of_image = _strides(origin)
    image = torch.arange(b, device=features.device).view(b, 1, 1)
    keys, order = (project(origin, rank, strides) + image * stride_of_image).flatten().sort()
    first = torch.ones_like(keys, dtype=torch.bool)
    first[1:] = keys[1:] != keys[:-1]
    vertex, small = first.cumsum(0) - 1, torch.int32 if keys.numel() < 2**31 else torch.int64
    index = torch.empty_like(order).scatter_(0, order, vertex).view(b * n, d + 1).to(small)
    offsets = torch.cat([first.nonzero().flatten(), order.new_tensor([len(order)])])
    flat = weights.flatten()
    splat = Rows((order // (d + 1)).to(small), flat[order], offsets.to(small))
    used, moves = keys[first], strides.sum() - (d + 1) * strides
    blur = tuple(_blur(used, move, small, features.dtype) for move in moves)
    return Lattice((b, n), splat, Rows(index, flat.view(b * n, d + 1)), blur)


def _strides(origin: Int[Tensor, "b n k"]) -> tuple[Int[Tensor, " k"], int]:
    """Strides that give every vertex, and every neighbour of one, a number of its own; and the stride of the image.

    The last coordinate follows from the others and has stride 0. A lattice too wide for 62 bits gets fixed, drawn
    multipliers modulo 2^64 instead: some two of M vertices then collide with a chance of about M^2 / 2^64.
    """
    b, n, k = origin.shape
    if not b * n:
        return origin.new_zeros(k), 0
    low, high = origin.flatten(0, 1).aminmax(dim=0)
    spans = [span + 4 * k for span in (high - low).tolist()[:-1]]
    if math.prod(spans) * b >= 2**62:
        drawn = torch.randint(-(2**62), 2**62, (k,), generator=torch.Generator().manual_seed(0)).tolist()
        return origin.new_tensor([*(2 * number + 1 for number in drawn[1:]), 0]), 2 * drawn[0] + 1
    strides = [math.prod(spans[axis + 1 :]) for axis in range(k - 1)]
    return origin.new_tensor([*strides, 0]), math.prod(spans)


def _blur(keys: Int[Tensor, " m"], move: Int[Tensor, ""], index: torch.dtype, dtype: torch.dtype) -> Rows:
    """(1/2, 1, 1/2) over a vertex and its two neighbours along an axis, those that exist."""
    own = torch.arange(len(keys), device=keys.device)
    if not len(keys):
        return Rows(own.new_zeros(0, 3, dtype=index), own.new_zeros(0, 3, dtype=dtype))
    place = torch.searchsorted(keys, keys + move).clamp_(max=len(keys) - 1)
    found = keys[place] == keys + move
    ahead = torch.where(found, place, own)
    behind = own.scatter(0, place[found], own[found])
    halves = [(neighbour != own).to(dtype) / 2 for neighbour in (behind, ahead)]
    weights = torch.stack([halves[0], torch.ones_like(halves[0]), halves[1]], 1)
    return Rows(torch.stack([behind, own, ahead], 1).to(index), weights)
