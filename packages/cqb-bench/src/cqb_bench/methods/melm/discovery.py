"""Which clique shows a class: the global entropy of an image's tags over cliques (Wan et al. 2018, Eq. 4)."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchvision.ops import box_iou

from cqb_bench.methods.melm.cliques import cliques


class Discovery(NamedTuple):
    """What cliques say of the tags.

    Args:
        scores: whether each class is in each image; the entropy is their negative logarithm.
        members: the proposals of the best clique of every tagged class.
    """

    scores: Float[Tensor, "b t"]
    members: Bool[Tensor, "n t"]


def discover(
    phi: Float[Tensor, "n t"],
    boxes: Float[Tensor, "n 4"],
    image: Int[Tensor, " n"],
    tags: Bool[Tensor, "b t"],
    iou: float = 0.7,
    top: int = 100,
) -> Discovery:
    """Score tagged classes by their cliques, the others by the sum over all proposals.

    A tagged class has the score sum_H w_H p_H over the cliques H of its best `top` proposals: p_H is the sum of phi in
    the clique, w_H the mean share of the class in its members' phi over all classes, without gradient. An image without
    proposals scores 0.

    Args:
        phi: class softmax times proposal softmax, see `cqb_weak.cls2box.mid_scores`.
        boxes: xyxy in pixels.
        image: of each proposal, 0..b-1, in any order.
        tags: classes in each image.
        iou: see `cliques`.
        top: proposals of a class that form cliques.
    """
    index = image[:, None].expand_as(phi)
    sums = phi.new_zeros(tags.shape).scatter_add(0, index, phi)
    members = torch.zeros_like(phi, dtype=torch.bool)
    purity = phi.detach() / phi.detach().sum(1, keepdim=True).clamp(min=torch.finfo(phi.dtype).tiny)
    found: dict[tuple[int, int], Tensor] = {}
    for place in range(len(tags)):
        rows = (image == place).nonzero()[:, 0]
        if not len(rows):
            continue
        overlap = box_iou(boxes[rows], boxes[rows]).cpu().numpy()
        for kind in tags[place].nonzero()[:, 0].tolist():
            best = phi[rows, kind].detach().topk(min(top, len(rows))).indices
            order = best.cpu().numpy()
            clique = torch.from_numpy(cliques(overlap[order][:, order], iou)).to(phi.device)
            score, chosen = _entropy(phi[rows[best], kind], purity[rows[best], kind], clique)
            found[place, kind] = score
            members[rows[best[clique == chosen]], kind] = True
    if not found:
        return Discovery(sums, members)
    places, kinds = (torch.tensor(part, device=phi.device) for part in zip(*found, strict=True))
    return Discovery(sums.index_put((places, kinds), torch.stack(list(found.values()))), members)


def _entropy(
    scores: Float[Tensor, " m"], purity: Float[Tensor, " m"], clique: Int[Tensor, " m"]
) -> tuple[Float[Tensor, ""], int]:
    """The score of a class, and its best clique."""
    empty = scores.new_zeros(int(clique.max()) + 1)
    sizes = empty.scatter_add(0, clique, torch.ones_like(scores))
    weighted = empty.scatter_add(0, clique, scores) * (empty.scatter_add(0, clique, purity) / sizes)
    return weighted.sum(), int(weighted.argmax())
