"""A mask reaches every row and column of its box and none beyond: L_MIL of Hsu et al. 2019, Eq. 2."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from cqb_weak.box2mask.pooling import POOLINGS
from cqb_weak.box2mask.rotated import Lines, slanted_lines
from cqb_weak.form import Form
from cqb_weak.options import choice, within
from cqb_weak.values import finite

_FORM = Form("mask_logits: floating n h w", "rows: boolean n h", "cols: boolean n w")


def tightness_loss(
    mask_logits: Float[Tensor, "n h w"],
    rows: Bool[Tensor, "n h"],
    cols: Bool[Tensor, "n w"],
    *,
    pooling: str = "max",
    sharpness: float = 4.0,
    angles: Sequence[float] = (),
) -> Float[Tensor, ""]:
    """Mean over all bags of the cross-entropy between a bag's score and whether it meets the box; 0 when n is 0.

    Args:
        mask_logits: of the class of each positive RoI; computed in float32 or float64.
        rows: which rows meet the box, of `bags`.
        cols: which columns do.
        pooling: how cells make a score: "max" (the paper), "alpha-softmax" or "quasimax".
        sharpness: alpha of the smooth poolings, 0.001 to 50 (Wang & Xia: 4 to 8).
        angles: degrees, -45 to 45, of further bags along lines that are slanted against rows and against columns.

    Raises:
        TypeError, ValueError: naming the argument that is wrong.
    """
    _FORM.check(mask_logits, rows, cols)
    check_bag_options(pooling, sharpness, angles)
    loss = bag_loss(mask_logits, rows, cols, pooling, sharpness, angles)
    finite([loss], mask_logits=mask_logits)
    return loss


def check_bag_options(pooling: str, sharpness: float, angles: Sequence[float]) -> None:
    """ValueError that names the option of `tightness_loss` that is wrong."""
    choice("pooling", pooling, POOLINGS)
    within("sharpness", sharpness, 1e-3, 50.0)
    for k, angle in enumerate(angles):
        within(f"angles[{k}]", angle, -45.0, 45.0)


def bag_loss(
    mask_logits: Float[Tensor, "n h w"],
    rows: Bool[Tensor, "n h"],
    cols: Bool[Tensor, "n w"],
    pooling: str = "max",
    sharpness: float = 4.0,
    angles: Sequence[float] = (),
) -> Float[Tensor, ""]:
    """`tightness_loss` without its checks."""
    z = mask_logits.to(torch.promote_types(mask_logits.dtype, torch.float32))
    pool = POOLINGS[pooling]
    everywhere = torch.ones(1, 1, 1, dtype=torch.bool, device=z.device)
    scores = [pool(z, everywhere.expand(1, 1, z.shape[2]), sharpness)]
    scores.append(pool(z.mT, everywhere.expand(1, 1, z.shape[1]), sharpness))
    labels, decided = [rows, cols], [torch.ones_like(rows), torch.ones_like(cols)]
    for lines in _slanted(z, rows, cols, angles):
        scores.append(pool(lines.logits, lines.member, sharpness))
        labels.append(lines.positive)
        decided.append(lines.decided)
    score, known = torch.cat(scores, 1), torch.cat(decided, 1)
    loss = binary_cross_entropy_with_logits(score, torch.cat(labels, 1).to(z.dtype), reduction="none")
    return torch.where(known, loss, 0).sum() / known.sum().clamp(min=1)


def _slanted(
    z: Float[Tensor, "n h w"], rows: Bool[Tensor, "n h"], cols: Bool[Tensor, "n w"], angles: Sequence[float]
) -> list[Lines]:
    across = [slanted_lines(z, rows, cols, angle) for angle in angles]
    return across + [slanted_lines(z.mT, cols, rows, angle) for angle in angles]
