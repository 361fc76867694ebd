"""Box2Mask in every stage: masks from boxes (L_B2M, Eq. 3)."""

from typing import Any, ClassVar, cast

import torch
from mmdet.registry import MODELS
from torch import Tensor

from cqb_core import Labels
from cqb_core.models import Host, Losses, Mean, StageAuxiliary, StageView
from cqb_core.models.routing import having
from cqb_net.auxiliaries.regions import regions_of
from cqb_weak.box2mask import Box2MaskLoss, widen


@MODELS.register_module()
class Box2Mask(StageAuxiliary):
    """Teaches the stage's mask head on the positive RoIs of images that own boxes and no masks.

    The masks are looked at in frames that lie around the RoIs at random: in a frame that fits its box a mask head
    learns to fill it (see `cqb_weak.box2mask`), and RoIs of the later stages fit well. `jitter=0` has the paper's form.

    Args:
        host: the network.
        jitter: how far each edge of a frame moves, as a share of the RoI's side.
        options: those of `cqb_weak.box2mask.Box2MaskLoss`.
    """

    name: ClassVar[str] = "box2mask"
    means: tuple[str, ...] = ("loss_mil", "loss_structure")
    needs: ClassVar[Labels] = Labels.BOX
    absent: ClassVar[Labels] = Labels.MASK

    def __init__(self, host: Host, jitter: float = 0.3, **options: Any) -> None:
        super().__init__()
        self.jitter = jitter
        self.criterion = Box2MaskLoss(**options)

    def loss(self, view: StageView) -> Losses:
        """`loss_mil` and `loss_structure`, means over RoIs."""
        images = having(view.images, lambda image: self.asks_for(image.owned))
        rows, image = regions_of(images, view.image_index, len(view.images))
        positive = view.matched[rows] >= 0
        rows, image = rows[positive], image[positive]
        if not len(rows):
            return dict.fromkeys(self.means, Mean(view.class_logits.new_zeros(()), 0))
        boxes = [cast(Tensor, view.images[position].boxes) for position in images]
        first = torch.tensor([0] + [len(each) for each in boxes], device=rows.device).cumsum(0)
        frames = widen(view.boxes[rows], 1.0, jitter=self.jitter)
        terms = self.criterion(
            view.mask_logits(rows, frames),
            frames,
            torch.cat(boxes)[first[image] + view.matched[rows]],
            view.class_targets[rows],
        )
        return {name: Mean(value, len(rows)) for name, value in terms.items()}
