"""Multi-class multiple-instance learning on the semantic logits (Pathak et al. 2015, Eq. 1 and 2)."""

from typing import ClassVar, cast

import torch
from jaxtyping import Bool, Float
from mmdet.registry import MODELS
from torch import Tensor
from torch.nn.functional import log_softmax

from cqb_core import InputError, Labels
from cqb_core.models import Host, ImageLabels, SemanticAuxiliary, SemanticView
from cqb_core.models.routing import having


def mil_loss(
    logits: Float[Tensor, "m k h w"], present: Bool[Tensor, "m k"], valid: Bool[Tensor, "m h w"]
) -> Float[Tensor, ""]:
    """Mean over images of the mean over present classes of -log p at the cell where the class is surest.

    Each term reaches one cell; the softmax there lowers all other classes. An image without a present class or a valid
    cell does not count; the loss is 0 when none counts. In float32 at least.

    Args:
        logits: before the softmax.
        present: the label set of each image.
        valid: False in the padding, where no maximum is looked for.
    """
    chances = log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), 1)
    surest = chances.masked_fill(~valid[:, None], -torch.inf).flatten(2).max(2).values
    counted = present & valid.flatten(1).any(1, keepdim=True)
    of_images = -surest.masked_fill(~counted, 0).sum(1) / counted.sum(1).clamp(min=1)
    return of_images.sum() / counted.any(1).sum().clamp(min=1)


@MODELS.register_module()
class FcnMil(SemanticAuxiliary):
    """Learns from the tags of images without stuff maps; has no parameters.

    The merged things are one more class, present where a thing tag is: what the paper's background is there.

    Args:
        host: the network.
        weight: of the loss, that of `cqb_net.auxiliaries.Cls2Pixel`.

    Raises:
        InputError: when the weight is below 0.
    """

    name: ClassVar[str] = "fcn_mil"
    needs: ClassVar[Labels] = Labels.IMAGE
    absent: ClassVar[Labels] = Labels.STUFF

    def __init__(self, host: Host, weight: float = 0.5) -> None:
        super().__init__()
        if not weight >= 0:
            raise InputError("FcnMil", "weight", "0 or more", weight)
        self.weight = weight

    def loss(self, view: SemanticView) -> dict[str, Tensor]:
        """`loss_mil`."""
        rows = having(view.images, lambda image: self.asks_for(image.owned))
        present = torch.zeros((0, view.logits.shape[1]), dtype=torch.bool, device=view.logits.device)
        present = torch.cat([present, *(present_classes(view.images[row])[None] for row in rows)])
        return {"loss_mil": self.weight * mil_loss(view.logits[rows], present, view.valid[rows])}


def present_classes(image: ImageLabels) -> Bool[Tensor, " s_th"]:
    """The stuff tags of an image that owns tags and, last, whether it shows any thing."""
    return torch.cat([cast(Tensor, image.stuff_tags), cast(Tensor, image.thing_tags).any()[None]])
