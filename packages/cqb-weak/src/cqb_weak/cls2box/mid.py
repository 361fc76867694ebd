"""Which proposal explains a tag: two softmaxes, multiplied (WSDDN: Bilen and Vedaldi 2016, Sec. 3.3)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def segment_softmax(
    logits: Float[Tensor, "n t"], segment: Int[Tensor, " n"], num_segments: int
) -> Float[Tensor, "n t"]:
    """Softmax of each column over the rows that share a segment, in any order; float32 at least.

    A segment without rows has no entry and does no harm. Rows of one segment sum to 1 in every column.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    index = segment.long().unsqueeze(1).expand_as(logits)
    with torch.no_grad():
        lowest = logits.new_full((num_segments, logits.shape[1]), -torch.inf)
        peak = lowest.scatter_reduce(0, index, logits, "amax").gather(0, index)
    raised = (logits - peak).exp()
    total = logits.new_zeros(num_segments, logits.shape[1]).scatter_add(0, index, raised)
    return raised / total.gather(0, index)


def mid_scores(
    class_logits: Float[Tensor, "n t"],
    proposal_logits: Float[Tensor, "n t"],
    image_index: Int[Tensor, " n"],
    num_images: int | None = None,
    temperature: float = 1.0,
) -> Float[Tensor, "n t"]:
    """phi_MID: the softmax over classes times the softmax over the proposals of the same image, per class.

    Args:
        class_logits: the class stream, without a background column.
        proposal_logits: the proposal stream.
        image_index: image of each proposal, 0..b-1, in any order.
        num_images: b; none reads it from `image_index`, which waits for the device and breaks a compiled graph.
        temperature: divides `proposal_logits`; above 1 spreads the score over more proposals.

    Returns:
        Scores in [0, 1], float32 at least; their sum over an image and all classes is at most 1.
    """
    if num_images is None:
        num_images = int(image_index.max()) + 1 if len(image_index) else 0
    classes = class_logits.to(torch.promote_types(class_logits.dtype, torch.float32)).softmax(1)
    return classes * segment_softmax(proposal_logits / temperature, image_index, num_images)
