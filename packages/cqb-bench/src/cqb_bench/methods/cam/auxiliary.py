"""Class activation maps, scaled and cut off by a threshold, are pseudo labels (Zhou et al. 2016, Sec. 2 and 3.2)."""

from typing import ClassVar, cast

import torch
from jaxtyping import Bool, Float, Int
from mmdet.registry import MODELS
from torch import Tensor

from cqb_core import IGNORE, InputError, Labels
from cqb_core.models import Host, SemanticAuxiliary, SemanticView
from cqb_core.models.routing import connected_zero, having
from cqb_net.auxiliaries.warm_up import WarmUp
from cqb_weak.cls2pixel import ClassBranch, pseudo_loss, tag_loss


def activation_maps(feature: Float[Tensor, "m c h w"], weight: Float[Tensor, "s c"]) -> Float[Tensor, "m s h w"]:
    """M_s = sum_c w_sc f_c at every cell (Eq. 2), in float32 at least; of any sign."""
    with torch.autocast(feature.device.type, enabled=False):
        wide = torch.promote_types(feature.dtype, torch.float32)
        return torch.einsum("mchw,sc->mshw", feature.to(wide), weight.to(wide))


def scaled(maps: Float[Tensor, "m s h w"], valid: Bool[Tensor, "m h w"]) -> Float[Tensor, "m s h w"]:
    """Each class of each image from 0, its least valid cell, to 1, its largest; 0 in the padding and if all agree."""
    padding = ~valid[:, None]
    low = maps.masked_fill(padding, torch.inf).amin((2, 3), keepdim=True)
    high = maps.masked_fill(padding, -torch.inf).amax((2, 3), keepdim=True)
    return torch.where((high > low) & ~padding, (maps - low) / (high - low), 0)


def pseudo_labels(
    maps: Float[Tensor, "m s h w"], tags: Bool[Tensor, "m s"], valid: Bool[Tensor, "m h w"], threshold: float
) -> Int[Tensor, "m h w"]:
    """The present class whose scaled map is the largest, `IGNORE` where that is below the threshold.

    Args:
        maps: of any scale and sign.
        tags: the classes that are present; others are never a label.
        valid: False in the padding, which is `IGNORE`.
        threshold: of the scaled maps.
    """
    best, label = scaled(maps, valid).masked_fill(~tags[:, :, None, None], -1).max(1)
    return label.masked_fill(~valid | (best < max(threshold, 0)), IGNORE)


@MODELS.register_module()
class Cam(SemanticAuxiliary):
    """A tag classifier on the semantic feature, and its activation maps as labels where an image owns no stuff map.

    The classifier learns from every image whose stuff tags are known; stuff maps imply them.

    Args:
        host: the network.
        threshold: share of a map's range below which a cell has no label.
        warm_up: until pseudo labels begin, see `cqb_net.auxiliaries.warm_up.WarmUp`.
        beta: weight of both terms, that of `cqb_net.auxiliaries.Cls2Pixel`.

    Raises:
        InputError: when an argument is out of its range.
    """

    name: ClassVar[str] = "cam"

    def __init__(self, host: Host, threshold: float = 0.2, warm_up: int | float = 0.25, beta: float = 0.5) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise InputError("Cam", "threshold", "a number from 0 to 1", threshold)
        if not beta >= 0:
            raise InputError("Cam", "beta", "a weight of 0 or more", beta)
        self.branch = ClassBranch(host.semantic_dim, host.num_stuff, dropout=0.0)
        self.threshold, self.beta, self.warm_up = threshold, beta, WarmUp(warm_up)

    def asks_for(self, owned: Labels) -> bool:
        """Whether the stuff tags are known."""
        return owned.stuff_tags

    def loss(self, view: SemanticView) -> dict[str, Tensor]:
        """`loss_cls` of the tags and, after the warm-up, `loss_pseudo` of the cells with a pseudo label."""
        begun = self.warm_up()
        rows = having(view.images, lambda image: self.asks_for(image.owned))
        if not rows:
            return dict.fromkeys(("loss_cls", "loss_pseudo"), connected_zero(self))
        tags = torch.stack([cast(Tensor, view.images[row].stuff_tags) for row in rows])
        feature, valid = view.feature[rows], view.valid[rows]
        bare = torch.tensor([Labels.STUFF not in view.images[row].owned for row in rows], device=feature.device)
        labels = self.labels(feature, tags, valid & bare[:, None, None] & begun)
        return {
            "loss_cls": self.beta * tag_loss(self.branch(feature, valid), tags),
            "loss_pseudo": self.beta * pseudo_loss(view.logits[rows], labels),
        }

    @torch.no_grad()
    def labels(
        self, feature: Float[Tensor, "m c h w"], tags: Bool[Tensor, "m s"], valid: Bool[Tensor, "m h w"]
    ) -> Int[Tensor, "m h w"]:
        """The pseudo labels of some images, to learn from or to look at."""
        maps = activation_maps(feature, self.branch.classifier.weight)
        return pseudo_labels(maps, tags, valid, self.threshold)
