"""Discovery and two localisation branches in every stage (Wan et al. 2018, Sec. 3, as in their public code)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from mmdet.registry import MODELS
from torch import Tensor, nn

from cqb_bench.methods.melm.discovery import clique_scores
from cqb_bench.tagged import TaggedRegions, tagged_regions
from cqb_core import Labels
from cqb_core.models import Enhanced, Host, StageAuxiliary, StageView
from cqb_weak.cls2box import MIDHead, cls2box_loss, mid_scores, pseudo_labels

BRANCHES = 2
BACKGROUND_IOU = (0.1, 0.4)
"""Overlap with a discovered object, from and below, at which a proposal is background."""

IGNORED = -100
"""The label that `cross_entropy` leaves out."""

EPS = 1e-6
"""How far image scores stay from 0 and 1."""


@MODELS.register_module()
class MELM(StageAuxiliary):
    """Learns from the thing tags of images without boxes; its localisation branches from boxes as well.

    Args:
        host: the network.
        clique_iou: overlap with every member from which a proposal joins a clique.
        top: proposals of an image that form cliques.
        foreground_iou: overlap with a discovered object from which a proposal takes its class.
        localisation: weight of each localisation branch.
        reduction: of the discovery over classes, `mean` or `sum`.

    Raises:
        ValueError: naming the argument that is out of its range.
    """

    name: ClassVar[str] = "melm"
    needs: ClassVar[Labels] = Labels.IMAGE
    absent: ClassVar[Labels] = Labels.BOX

    def __init__(
        self,
        host: Host,
        clique_iou: float = 0.7,
        top: int = 100,
        foreground_iou: float = 0.6,
        localisation: float = 0.1,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        for name, value in (("clique_iou", clique_iou), ("foreground_iou", foreground_iou)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: wanted a number from 0 to 1, got {value}")
        if top < 1:
            raise ValueError(f"top: wanted 1 or more, got {top}")
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction: wanted one of mean, sum, got {reduction!r}")
        self.clique_iou, self.top, self.foreground_iou = clique_iou, top, foreground_iou
        self.localisation, self.reduction = localisation, reduction
        self.discovery = MIDHead(host.region_dim, host.num_things)
        self.branches = nn.ModuleList(_branch(host) for _ in range(BRANCHES))
        self.num_things = host.num_things

    def asks_for(self, owned: Labels) -> bool:
        """Tags without boxes teach all of it, boxes the localisation branches."""
        return self._discovers(owned) or Labels.BOX in owned.implied

    def loss(self, view: StageView) -> dict[str, Tensor]:
        """`loss_discovery`, `loss_localisation` from what was discovered, and `loss_boxes` from boxes."""
        tagged = tagged_regions(view, self._discovers, self.num_things)
        rows, image, tags = tagged
        classes, proposals = self.discovery(view.region[rows])
        scores = clique_scores(classes, proposals, view.boxes[rows], image, len(tags), self.clique_iou, self.top)
        counted = tags.new_zeros(len(tags)).index_fill(0, image, True)
        phi = mid_scores(classes, proposals, image, len(tags))
        return {
            "loss_discovery": cls2box_loss(scores.clamp(EPS, 1 - EPS), tags, self.reduction, counted),
            "loss_localisation": self._localise(view, tagged, phi),
            "loss_boxes": self._boxes(view),
        }

    def enhance(self, view: StageView) -> Enhanced:
        """The mean of the localisation branches' logits."""
        return Enhanced(class_logits=torch.stack([branch(view.region) for branch in self.branches]).mean(0))

    def _discovers(self, owned: Labels) -> bool:
        return super().asks_for(owned)

    def _localise(self, view: StageView, tagged: TaggedRegions, scores: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """The first branch learns the best proposal of each tag, the next what the one before it finds."""
        total = view.region.new_zeros(())
        for branch in self.branches:
            logits = branch(view.region[tagged.rows])
            labels = self._labels(scores.detach(), view.boxes[tagged.rows], tagged)
            total = total + F.cross_entropy(logits, labels, reduction="sum") / (labels >= 0).sum().clamp(min=1)
            scores = logits.softmax(1)[:, :-1]
        return self.localisation * total

    def _labels(
        self, scores: Float[Tensor, "n t"], boxes: Float[Tensor, "n 4"], tagged: TaggedRegions
    ) -> Int[Tensor, " n"]:
        """Class, background or neither of each proposal; neither in an image without a tag.

        Background is near a discovered object; where nothing is, in an image, all that is no object.
        """
        _, image, tags = tagged
        low, high = BACKGROUND_IOU
        labels, below, far = (
            pseudo_labels(scores, boxes, image, tags, iou).classes for iou in (self.foreground_iou, high, low)
        )
        below, near = below == self.num_things, (below == self.num_things) & (far < self.num_things)
        has_near = tags.new_zeros(len(tags)).index_fill(0, image[near].long(), True)
        background = torch.where(has_near[image.long()], near, below)
        known = tags.any(1)[image.long()] & ((labels < self.num_things) | background)
        return labels.masked_fill(~known, IGNORED)

    def _boxes(self, view: StageView) -> Float[Tensor, ""]:
        """Cross-entropy with the stage's own targets, mean over the regions of images with boxes."""
        rows = (view.class_targets >= 0).nonzero()[:, 0]
        terms = [
            F.cross_entropy(branch(view.region[rows]), view.class_targets[rows], reduction="sum")
            for branch in self.branches
        ]
        return self.localisation * torch.stack(terms).sum() / max(len(rows), 1)


def _branch(host: Host) -> nn.Linear:
    """A classifier of regions, t things and background, that starts from even scores."""
    made = nn.Linear(host.region_dim, host.num_things + 1)
    nn.init.normal_(made.weight, std=0.01)
    nn.init.zeros_(made.bias)
    return made
