"""Adversarial and self-training terms on softmax maps (Hung et al. 2018, Eq. 2 to 6)."""

from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from mmdet.registry import MODELS
from torch import Tensor
from torch.nn.functional import one_hot, softplus

from cqb_bench.methods.advseg.discriminator import Discriminator, judged, mean_over
from cqb_core import IGNORE, InputError, Labels
from cqb_core.models import Host, SemanticAuxiliary, SemanticView
from cqb_core.models.routing import connected_zero
from cqb_net.auxiliaries.relation import channel_maps
from cqb_net.auxiliaries.warm_up import WarmUp
from cqb_weak.cls2pixel import pseudo_loss


@MODELS.register_module()
class AdvSeg(SemanticAuxiliary):
    """A discriminator beside the semantic branch.

    One backward pass trains both networks, as one step of the paper does: the discriminator learns from predictions
    that are detached, the segmentation through a discriminator whose parameters are.

    Needs no label of the images without stuff maps.

    Args:
        host: the network.
        labelled: weight of the adversarial term on images with a stuff map.
        unlabelled: its weight on the others.
        self_training: weight of the cross-entropy with the network's own labels on the others.
        sure: probability of being a label map above which a cell of theirs is a label.
        warm_up: until self-training begins, see `cqb_net.auxiliaries.warm_up.WarmUp`; the paper waits a quarter.
        beta: weight of what the segmentation learns: the paper's numbers stand beside a cross-entropy of weight 1.
        channels: of the discriminator's first layer.

    Raises:
        InputError: when an argument is out of its range.
    """

    name: ClassVar[str] = "advseg"

    def __init__(
        self,
        host: Host,
        *,
        labelled: float = 0.01,
        unlabelled: float = 0.001,
        self_training: float = 0.1,
        sure: float = 0.2,
        warm_up: int | float = 0.25,
        beta: float = 1.0,
        channels: int = 64,
    ) -> None:
        super().__init__()
        weights = {"labelled": labelled, "unlabelled": unlabelled, "self_training": self_training, "beta": beta}
        for name, weight in weights.items():
            if not weight >= 0:
                raise InputError("AdvSeg", name, "a weight of 0 or more", weight)
        if not 0 <= sure <= 1:
            raise InputError("AdvSeg", "sure", "a probability from 0 to 1", sure)
        if channels < 1:
            raise InputError("AdvSeg", "channels", "1 or more", channels)
        self.weights, self.sure, self.warm_up = weights, sure, WarmUp(warm_up)
        self.num_things = host.num_things
        self.discriminator = Discriminator(host.num_stuff + 1, channels)

    def asks_for(self, owned: Labels) -> bool:
        """Every image: one without a stuff map is an unlabelled one, whatever else it owns."""
        return True

    def loss(self, view: SemanticView) -> dict[str, Tensor]:
        """`loss_adv` and, after the warm-up, `loss_semi` for the segmentation; `loss_discriminator` for the other."""
        begun = self.warm_up()
        logits = view.logits.to(torch.promote_types(view.logits.dtype, torch.float32))
        truth, bare = self._maps(view)
        known = truth != IGNORE
        fake = logits.softmax(1) * (known | bare)[:, None]
        said = judged(self.discriminator, fake).to(logits.dtype)
        fooled, weights = softplus(-said), self.weights
        adversarial = weights["labelled"] * mean_over(fooled, known) + weights["unlabelled"] * mean_over(fooled, bare)
        sure = bare & (said.detach().sigmoid() > self.sure) & begun
        own = logits.detach().argmax(1).masked_fill(~sure, IGNORE)
        return {
            "loss_adv": weights["beta"] * adversarial,
            "loss_semi": weights["beta"] * weights["self_training"] * pseudo_loss(logits, own),
            "loss_discriminator": self._discriminate(fake.detach(), truth),
        }

    def _maps(self, view: SemanticView) -> tuple[Int[Tensor, "m h w"], Bool[Tensor, "m h w"]]:
        """The channel of each cell that is known, else `IGNORE`; and the cells of images without a stuff map."""
        maps = channel_maps(view.images, view.logits, self.num_things)
        truth = torch.full_like(view.valid, IGNORE, dtype=torch.long) if maps is None else maps
        bare = torch.tensor([Labels.STUFF not in image.owned for image in view.images], device=view.valid.device)
        return truth, view.valid & bare[:, None, None]

    def _discriminate(self, fake: Float[Tensor, "m k h w"], truth: Int[Tensor, "m h w"]) -> Float[Tensor, ""]:
        """Mean of the cross-entropies on predicted and on true maps of the images that have some; 0 without any."""
        rows = (truth != IGNORE).flatten(1).any(1).nonzero().flatten()
        if not len(rows):
            return connected_zero(self.discriminator)
        known = truth[rows] != IGNORE
        real = one_hot(truth[rows].masked_fill(~known, 0), fake.shape[1]).movedim(-1, 1) * known[:, None]
        of_fake, of_real = self.discriminator(torch.cat([fake[rows], real.to(fake.dtype)])).float().chunk(2)
        return (mean_over(softplus(of_fake), known) + mean_over(softplus(-of_real), known)) / 2
