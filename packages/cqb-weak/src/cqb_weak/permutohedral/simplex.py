"""Where a feature lies in the permutohedral lattice (Adams, Baek and Davis 2010, section 3).

The lattice A*_d tiles the plane of d + 1 coordinates that sum to zero with simplices; its vertices are whole numbers,
all congruent modulo d + 1. Everything here is tensor algebra without branches: it compiles, and knows nothing of
images.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def elevate(features: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d+1"]:
    """Features on the lattice's plane, scaled so that the filter's blur is a Gaussian of standard deviation one.

    Distances grow by (d + 1) sqrt(2 / 3): the blur over all axes and the two interpolations together have variance
    (d + 1)^2 2 / 3 on this plane.
    """
    d = features.shape[-1]
    j = torch.arange(1, d + 1, device=features.device, dtype=features.dtype)
    scaled = features * ((d + 1) * math.sqrt(2 / 3) / torch.sqrt(j * (j + 1)))
    tail = scaled.flip(-1).cumsum(-1).flip(-1)
    zero = torch.zeros_like(tail[..., :1])
    return torch.cat([tail, zero], -1) - torch.cat([zero, scaled * j], -1)


def enclosing_simplex(
    features: Float[Tensor, "*n d"],
) -> tuple[Int[Tensor, "*n d+1"], Int[Tensor, "*n d+1"], Float[Tensor, "*n d+1"]]:
    """The simplex around each feature, and the feature's barycentric weights of its d + 1 vertices.

    Args:
        features: in units of the Gaussian's standard deviation; finite.

    Returns:
        origin: the vertex whose coordinates are multiples of d + 1.
        rank: of each coordinate, how many others are farther above the origin; `vertices` needs it.
        weights: of the vertices with remainder 0, 1, ... d; >= 0 up to rounding, sum to 1.
    """
    d = features.shape[-1]
    elevated = elevate(features)
    nearest = torch.round(elevated / (d + 1))
    surplus = nearest.sum(-1, keepdim=True).long()
    rank = _rank(elevated - nearest * (d + 1)) + surplus
    wrap = (rank < 0).long() - (rank > d).long()
    rank, origin = rank + wrap * (d + 1), (nearest.long() + wrap) * (d + 1)
    return origin, rank, _barycentric((elevated - origin) / (d + 1), rank)


def vertices(origin: Int[Tensor, "*n k"], rank: Int[Tensor, "*n k"]) -> Int[Tensor, "*n k k"]:
    """All coordinates of the d + 1 vertices of a simplex, by remainder."""
    d = rank.shape[-1] - 1
    remainder = torch.arange(d + 1, device=rank.device).unsqueeze(-1)
    above = rank.unsqueeze(-2) > d - remainder
    return origin.unsqueeze(-2) + remainder - above * (d + 1)


def project(origin: Int[Tensor, "*n k"], rank: Int[Tensor, "*n k"], strides: Int[Tensor, " k"]) -> Int[Tensor, "*n k"]:
    """`vertices(origin, rank) @ strides`, without the d + 1 times larger table of coordinates."""
    d = rank.shape[-1] - 1
    remainder = torch.arange(d + 1, device=rank.device)
    descending = torch.empty_like(rank).scatter_(-1, d - rank, strides.expand_as(rank))
    above = descending.cumsum(-1) - descending
    return (origin * strides).sum(-1, keepdim=True) + remainder * strides.sum() - above * (d + 1)


def _rank(offset: Float[Tensor, "*n k"]) -> Int[Tensor, "*n k"]:
    """Position of each coordinate in descending order; of equal ones the first comes first."""
    k = offset.shape[-1]
    earlier: Bool[Tensor, "k k"] = torch.ones(k, k, dtype=torch.bool, device=offset.device).tril(-1)
    mine, other = offset.unsqueeze(-1), offset.unsqueeze(-2)
    return ((other > mine) | ((other == mine) & earlier)).sum(-1)


def _barycentric(offset: Float[Tensor, "*n k"], rank: Int[Tensor, "*n k"]) -> Float[Tensor, "*n k"]:
    """Weights: the differences of neighbours in the sorted offsets."""
    ascending = torch.empty_like(offset).scatter(-1, offset.shape[-1] - 1 - rank, offset)
    before = torch.cat([ascending[..., -1:] - 1, ascending[..., :-1]], -1)
    return ascending - before
