"""Neighbouring cells should agree: the structure term of Hsu et al. 2019, section 3.3.

A pair of neighbours is held once: as the cell (y, x) with the cell (y + dy, x + dx), (dy, dx) one of four `SHIFTS`. The
other four of a cell's eight neighbours are the same pairs from the other end.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cqb_weak.form import Form
from cqb_weak.options import choice
from cqb_weak.values import finite

SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
PADDINGS = ("none", "zero")

_FORM = Form("mask_logits: floating n h w", "alike?: boolean n 4 h w")


def structure_loss(
    mask_logits: Float[Tensor, "n h w"],
    alike: Bool[Tensor, "n 4 h w"] | None = None,
    *,
    padding: str = "none",
    confidence_weighted: bool = False,
) -> Float[Tensor, ""]:
    """Mean over cells i and their 8 neighbours k of (p_i - p_k)^2, p = sigmoid of the logits; 0 when n is 0.

    Args:
        mask_logits: of the class of each positive RoI; computed in float32 or float64.
        alike: which pairs count, of `colour_alike`; the mean is then over these alone. None: all do, and the mean is
            over 8 neighbours of every cell, those beyond the border included.
        padding: "none": a pair that reaches across the border is 0. "zero": p_k is 0 there (the public code); such
            pairs have no colour, so with `alike` they are left out all the same.
        confidence_weighted: multiply each term by p_i (the first release of the public code).

    Raises:
        TypeError, ValueError: naming the argument that is wrong.
    """
    _FORM.check(mask_logits, alike)
    check_structure_options(padding)
    loss = neighbour_loss(mask_logits, alike, padding, confidence_weighted)
    finite([loss], mask_logits=mask_logits)
    return loss


def check_structure_options(padding: str) -> None:
    """ValueError that names the option of `structure_loss` that is wrong."""
    choice("padding", padding, PADDINGS)


def neighbour_loss(
    mask_logits: Float[Tensor, "n h w"],
    alike: Bool[Tensor, "n 4 h w"] | None = None,
    padding: str = "none",
    confidence_weighted: bool = False,
) -> Float[Tensor, ""]:
    """`structure_loss` without its checks."""
    p = mask_logits.to(torch.promote_types(mask_logits.dtype, torch.float32)).sigmoid()
    total, pairs = p.new_zeros(()), p.new_zeros(())
    for direction, shift in enumerate(SHIFTS):
        near, far = ends(p, shift)
        term = (near - far).square()
        if confidence_weighted:
            term = term * (near + far) / 2
        if alike is not None:
            counted = ends(alike[:, direction], shift)[0]
            term = torch.where(counted, term, 0)
            pairs = pairs + counted.sum()
        total = total + term.sum()
    if alike is not None:
        return total / pairs.clamp(min=1)
    if padding == "zero":
        total = total + _beyond_border(p, 3 if confidence_weighted else 2) / 2
    return total / max(4 * p.numel(), 1)


def ends(x: Tensor, shift: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Both cells, `... h-dy w-|dx|`, of all pairs that lie `shift` = (dy >= 0, dx) apart in `x` (`... h w`)."""
    dy, dx = shift
    height, width = x.shape[-2:]
    near = x[..., : height - dy, max(0, -dx) : width - max(0, dx)]
    far = x[..., dy:, max(0, dx) : width + min(0, dx)]
    return near, far


def _beyond_border(p: Float[Tensor, "n h w"], power: int) -> Float[Tensor, ""]:
    """Sum over cells of p^power, as often as the cell has neighbours beyond the border."""
    along = [torch.full((size,), 3, device=p.device) for size in p.shape[-2:]]
    for count in along:
        count[0] -= 1
        count[-1] -= 1
    missing = 9 - along[0][:, None] * along[1]
    return (missing * p**power).sum()
