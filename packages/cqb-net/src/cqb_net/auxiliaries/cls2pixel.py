"""Cls2Pixel at the semantic branch: stuff from image tags (beta L_C2P, Eq. 3)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Bool
from mmdet.registry import MODELS
from torch import Tensor

from cqb_core import Labels
from cqb_core.models import Host, ImageLabels, Losses, Mean, SemanticAuxiliary, SemanticView
from cqb_core.models.routing import connected_zero, having, inside
from cqb_net.auxiliaries.teaching import Teaching
from cqb_net.auxiliaries.warm_up import WarmUp
from cqb_weak.cls2pixel import ClassBranch, Cls2PixelLoss, DenseCrf, DenseEnergy, Reliability


@MODELS.register_module()
class Cls2Pixel(SemanticAuxiliary):
    """A classification branch on the semantic feature, and pseudo labels where an image owns no stuff map.

    The branch learns from every image whose stuff tags are known, stuff maps imply them. Pixels under boxes are things
    and get no pseudo label.

    Args:
        host: the network.
        beta: weight of the module.
        teaches_host: share of the branch's gradient that reaches the semantic feature, from 0 to 1 (as in the paper).
            The terms that judge the segmentation teach it in any case.
        dropout: of the branch.
        warm_up: until pseudo labels begin, see `WarmUp`.
        rule, energy: options of `cqb_weak.cls2pixel.Reliability` (its `crf` those of `DenseCrf`) and of `DenseEnergy`.
        options: the others of `cqb_weak.cls2pixel.Cls2PixelLoss`.
    """

    name: ClassVar[str] = "cls2pixel"
    means: tuple[str, ...] = ("loss_pseudo", "loss_cls", "loss_energy", "loss_absent")

    def __init__(
        self,
        host: Host,
        beta: float = 0.5,
        teaches_host: float = 1.0,
        dropout: float = 0.5,
        warm_up: int | float = 0.25,
        rule: Mapping[str, Any] | None = None,
        energy: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.branch = ClassBranch(host.semantic_dim, host.num_stuff, dropout)
        chosen = dict(rule or {})
        reliability = Reliability(**{**chosen, "crf": DenseCrf(**chosen.get("crf", {}))})
        pairs = DenseEnergy(**(energy or {}))
        self.criterion, self.beta = Cls2PixelLoss(warm_up=1, rule=reliability, energy=pairs, **options), beta
        self.warm_up, self.taught = WarmUp(warm_up), Teaching(teaches_host)

    def asks_for(self, owned: Labels) -> bool:
        """Whether the stuff tags are known."""
        return owned.stuff_tags

    def loss(self, view: SemanticView) -> Losses:
        """`loss_pseudo`, a mean over pixels, and `loss_cls`, `loss_energy` and `loss_absent`, over images."""
        begun = self.warm_up()
        rows = having(view.images, lambda image: self.asks_for(image.owned))
        if not rows:
            return dict.fromkeys(self.means, Mean(connected_zero(self), 0))
        images = [view.images[row] for row in rows]
        feature, valid, pixels = view.feature[rows], view.valid[rows], view.pixels()[rows]
        terms, counts = self.criterion.with_counts(
            view.logits[rows],
            self.branch(self.taught(feature), valid),
            self.branch.maps(feature),
            pixels,
            torch.stack([cast(Tensor, image.stuff_tags) for image in images]),
            int(begun),
            known=under_boxes(images, pixels),
            valid=inside([image.size for image in images], pixels.shape[2:], pixels),
            unlabelled=torch.tensor([Labels.STUFF not in image.owned for image in images], device=pixels.device),
        )
        return {name: Mean(self.beta * value, counts[name]) for name, value in terms.items()}


def under_boxes(images: Sequence[ImageLabels], pixels: Tensor) -> Bool[Tensor, "m H W"]:
    """Pixels whose centres lie in a box of an image, as far as it owns boxes."""
    height, width = pixels.shape[2:]
    y, x = (torch.arange(size, device=pixels.device) + 0.5 for size in (height, width))
    covered = torch.zeros((len(images), height, width), dtype=torch.bool, device=pixels.device)
    for place, image in enumerate(images):
        if image.boxes is not None and len(image.boxes):
            x0, y0, x1, y1 = image.boxes.unbind(1)
            across = ((x >= x0[:, None]) & (x < x1[:, None])).float()
            down = ((y >= y0[:, None]) & (y < y1[:, None])).float()
            covered[place] = down.T @ across > 0
    return covered
