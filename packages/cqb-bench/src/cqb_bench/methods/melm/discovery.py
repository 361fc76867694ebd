"""What cliques of proposals say of an image: the global entropy of its tags (Wan et al. 2018, Sec. 3.1).

The form is that of the authors' code: https://github.com/Winfrand/MELM, layers/MinEntropy_Fast.lua.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchvision.ops import box_iou

from cqb_bench.methods.melm.cliques import cliques
from cqb_weak.cls2box import mid_scores


def clique_scores(
    class_logits: Float[Tensor, "n t"],
    proposal_logits: Float[Tensor, "n t"],
    boxes: Float[Tensor, "n 4"],
    image: Int[Tensor, " n"],
    images: int,
    iou: float = 0.7,
    top: int = 100,
) -> Float[Tensor, "b t"]:
    """Whether each class is in each image; 0 in an image without proposals.

    A clique has the mean logits of its members. Its score for a class is its softmax over classes times that over the
    cliques of the image; an image has the sum over its cliques. A proposal that is not among the best is alone.

    Args:
        class_logits: whose softmax over classes says what a proposal shows.
        proposal_logits: whose softmax over proposals says which of them shows a class.
        boxes: xyxy in pixels.
        image: of each proposal, 0..b-1, in any order.
        images: how many, b.
        iou: see `cliques`.
        top: proposals of an image that form cliques, those with the best score of any class.
    """
    best = mid_scores(class_logits, proposal_logits, image, images).detach().amax(1)
    clique = torch.arange(len(boxes), device=boxes.device)
    for place in range(images):
        rows = (image == place).nonzero()[:, 0]
        chosen = rows[best[rows].topk(min(top, len(rows))).indices]
        numbers = cliques(box_iou(boxes[chosen], boxes[chosen]).cpu().numpy(), iou)
        firsts = [int((numbers == number).argmax()) for number in range(numbers.max(initial=-1) + 1)]
        clique[chosen] = chosen[torch.tensor(firsts, dtype=torch.long, device=boxes.device)[numbers]]
    kept, member = clique.unique(return_inverse=True)
    classes, proposals = (_means(logits, member, len(kept)) for logits in (class_logits, proposal_logits))
    scores = mid_scores(classes, proposals, image[kept], images)
    return scores.new_zeros(images, scores.shape[1]).index_add(0, image[kept].long(), scores)


def _means(logits: Float[Tensor, "n t"], member: Int[Tensor, " n"], count: int) -> Float[Tensor, "m t"]:
    """The mean over the rows of each clique."""
    sums = logits.new_zeros(count, logits.shape[1]).index_add(0, member, logits)
    return sums / member.bincount(minlength=count).unsqueeze(1)
