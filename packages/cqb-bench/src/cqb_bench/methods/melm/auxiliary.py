"""Discovery and two localisation branches in every stage (Wan et al. 2018, Sec. 3; weights of their public code)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from mmdet.registry import MODELS
from torch import Tensor, nn

from cqb_bench.methods.melm.discovery import discover
from cqb_bench.tagged import TaggedRegions, tagged_regions
from cqb_core import Labels
from cqb_core.models import Enhanced, Host, StageAuxiliary, StageView
from cqb_weak.cls2box import MIDHead, cls2box_loss, mid_scores, pseudo_labels, refinement_loss

BRANCHES = 2
EPS = 1e-6
"""How far image scores stay from 0 and 1."""


@MODELS.register_module()
class MELM(StageAuxiliary):
    """Learns from the thing tags of images without boxes; its localisation branches from boxes as well.

    Args:
        host: the network.
        clique_iou: overlap with a clique's best member above which a proposal joins it.
        top: proposals of a class that form cliques.
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
        phi = self._phi(view.region[tagged.rows], tagged)
        boxes = view.boxes[tagged.rows]
        found = discover(phi, boxes, tagged.image, tagged.tags, self.clique_iou, self.top)
        counted = tagged.tags.new_zeros(len(tagged.tags)).index_fill(0, tagged.image, True)
        scores = found.scores.clamp(EPS, 1 - EPS)
        return {
            "loss_discovery": cls2box_loss(scores, tagged.tags, self.reduction, counted),
            "loss_localisation": self._localise(view, tagged, phi.masked_fill(~found.members, 0), counted),
            "loss_boxes": self._boxes(view),
        }

    def enhance(self, view: StageView) -> Enhanced:
        """The mean of the localisation branches' logits."""
        return Enhanced(class_logits=torch.stack([branch(view.region) for branch in self.branches]).mean(0))

    def _discovers(self, owned: Labels) -> bool:
        return super().asks_for(owned)

    def _phi(self, region: Float[Tensor, "n d"], tagged: TaggedRegions) -> Float[Tensor, "n t"]:
        classes, proposals = self.discovery(region)
        return mid_scores(classes, proposals, tagged.image, len(tagged.tags))

    def _localise(
        self, view: StageView, tagged: TaggedRegions, scores: Float[Tensor, "n t"], counted: Tensor
    ) -> Float[Tensor, ""]:
        """The first branch learns the best member of the best clique, the next what the one before it finds."""
        rows, image, tags = tagged
        total = view.region.new_zeros(())
        for branch in self.branches:
            logits = branch(view.region[rows])
            labels = pseudo_labels(scores.detach(), view.boxes[rows], image, tags, self.foreground_iou)
            total = total + refinement_loss(logits, labels, image, counted)
            scores = logits.softmax(1)[:, :-1]
        return self.localisation * total

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
