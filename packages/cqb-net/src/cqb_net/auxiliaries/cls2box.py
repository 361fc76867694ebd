"""Cls2Box in every stage: boxes from image tags (L_C2B, Eq. 3)."""

from typing import Any, ClassVar, cast

import torch
from mmdet.registry import MODELS
from torch import Tensor

from cqb_core import Labels
from cqb_core.models import Host, Losses, Mean, StageAuxiliary, StageView
from cqb_core.models.routing import having
from cqb_net.auxiliaries.regions import regions_of
from cqb_net.auxiliaries.teaching import Teaching
from cqb_weak.cls2box import Cls2BoxLoss, MIDHead


@MODELS.register_module()
class Cls2Box(StageAuxiliary):
    """Learns from the thing tags of images without boxes.

    Args:
        host: the network.
        teaches_host: share of the two streams' gradient that reaches the region features, from 0 to 1 (as in the
            paper). What the coupling lets through to the detector's own logits, and refinement, teach it in any case.
        options: those of `cqb_weak.cls2box.Cls2BoxLoss`.
    """

    name: ClassVar[str] = "cls2box"
    needs: ClassVar[Labels] = Labels.IMAGE
    absent: ClassVar[Labels] = Labels.BOX

    def __init__(self, host: Host, teaches_host: float = 1.0, **options: Any) -> None:
        super().__init__()
        self.taught = Teaching(teaches_host)
        self.head = MIDHead(host.region_dim, host.num_things)
        self.criterion = Cls2BoxLoss(**options)
        self.num_things = host.num_things
        self.means = ("loss_cls2box", "loss_refine") if self.criterion.refine else ("loss_cls2box",)

    def loss(self, view: StageView) -> Losses:
        """`loss_cls2box`, and `loss_refine` where that is asked for; means over images."""
        images = having(view.images, lambda image: self.asks_for(image.owned))
        rows, image = regions_of(images, view.image_index, len(view.images))
        none = torch.zeros((0, self.num_things), dtype=torch.bool, device=rows.device)
        tags = [cast(Tensor, view.images[position].thing_tags)[None] for position in images]
        class_logits, proposal_logits = self.head(self.taught(view.region[rows]))
        terms = self.criterion(
            class_logits,
            proposal_logits,
            image,
            torch.cat([none, *tags]),
            view.class_logits[rows],
            boxes=view.boxes[rows],
        )
        counted = torch.bincount(image, minlength=len(images)).gt(0).sum()
        return {name: Mean(value, counted) for name, value in terms.items()}
