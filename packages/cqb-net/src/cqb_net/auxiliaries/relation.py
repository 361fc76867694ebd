"""Relation reasoning in every stage: things and stuff inform each other (L_RR, Eq. 3)."""

from collections.abc import Sequence
from math import inf
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from mmdet.registry import MODELS
from torch import Tensor, nn

from cqb_core import IGNORE, InputError, Labels
from cqb_core.models import (
    UNSAMPLED,
    Enhanced,
    Host,
    ImageLabels,
    Losses,
    Mean,
    SemanticView,
    StageAuxiliary,
    StageView,
)
from cqb_core.models.routing import connected_zero, having, select
from cqb_graph import GraphOptions, Predictions, RelationLoss, RelationReasoning, Targets, class_centers
from cqb_net.auxiliaries.regions import regions_of
from cqb_net.auxiliaries.surroundings import surroundings
from cqb_net.auxiliaries.teaching import Teaching

AVERAGES = ("classes", "boxes", "semantic")
"""What relation reasoning can say at test."""
JUDGED = ("alone", "average")


@MODELS.register_module()
class Relation(StageAuxiliary):
    """Enhanced class, box and semantic logits, learnt from boxes and from stuff maps, averaged with the network's.

    Args:
        host: the network.
        beta: weight of the semantic term.
        teaches_host: share of the gradient that reaches the network's own features, from 0 to 1 (as in the paper).
        averages: which logits are averaged with the network's at test (all in the paper).
        judges: what the losses judge: "alone", what relation reasoning says (as in the paper), or "average", its mean
            with what the network says, as at test. Then it learns to correct the network, whose part has no gradient.
        surround: regions also know what the semantic branch sees in a frame of so many times their box's sides; 0 is
            nothing, as in the paper, whose class nodes tell what is in the image and not where.
        node_dim: length of nodes and enhanced features.
        layers: of the super graph.
        heads: of its layers but the last.
        options: those of `cqb_graph.GraphOptions`.

    Raises:
        InputError: `averages`, `judges`, `surround` or `teaches_host` is none that there is.
    """

    name: ClassVar[str] = "relation"
    means: tuple[str, ...] = ("loss_cls", "loss_bbox", "loss_seg")
    reads_semantic: ClassVar[bool] = True

    def __init__(
        self,
        host: Host,
        beta: float = 0.5,
        teaches_host: float = 1.0,
        averages: Sequence[str] = AVERAGES,
        judges: str = "alone",
        surround: float = 0.0,
        node_dim: int = 128,
        layers: int = 2,
        heads: int = 2,
        **options: Any,
    ) -> None:
        super().__init__()
        if unknown := set(averages) - set(AVERAGES):
            raise InputError("config", "averages", f"some of {', '.join(AVERAGES)}", ", ".join(sorted(unknown)))
        if judges not in JUDGED:
            raise InputError("config", "judges", f"one of {', '.join(JUDGED)}", judges)
        self.judges = judges
        self.averages, self.taught = frozenset(averages), Teaching(teaches_host)
        if not 0 <= surround < inf:
            raise InputError("config", "surround", "0 or a factor above it", surround)
        self.surround = float(surround)
        self.around = nn.Linear(host.num_stuff + 1, node_dim) if surround else None
        self.reasoning = RelationReasoning(
            host.region_dim + (node_dim if surround else 0),
            host.semantic_dim,
            host.num_things,
            host.num_stuff + 1,
            node_dim=node_dim,
            layers=layers,
            heads=heads,
            box_columns=host.box_columns,
            options=GraphOptions(**options),
        )
        self.criterion, self.num_things = RelationLoss(beta), host.num_things

    def asks_for(self, owned: Labels) -> bool:
        """Boxes teach the region's side, stuff maps the pixels'."""
        return Labels.BOX in owned.implied or Labels.STUFF in owned

    def loss(self, view: StageView) -> Losses:
        """`loss_cls` and `loss_bbox`, means over RoIs, and `loss_seg`, over pixels."""
        images = having(view.images, lambda image: self.asks_for(image.owned))
        if not images or view.semantic is None:
            return dict.fromkeys(self.means, Mean(connected_zero(self), 0))
        rows, predictions = self._predict(view, view.semantic, images)
        maps = channel_maps([view.images[i] for i in images], predictions.semantic_logits, self.num_things)
        classes = view.class_targets[rows]
        if self.judges == "average":
            predictions = averaged_with(view, view.semantic, images, rows, predictions)
        terms = self.criterion(predictions, Targets(classes, view.box_targets[rows], maps))
        regions = (classes != UNSAMPLED).sum()
        return {
            "loss_cls": Mean(terms.classes, regions),
            "loss_bbox": Mean(terms.boxes, regions),
            "loss_seg": Mean(terms.semantic, 0 if maps is None else (maps != IGNORE).sum()),
        }

    def enhance(self, view: StageView) -> Enhanced:
        """What relation reasoning says of every region and pixel."""
        if view.semantic is None:
            return Enhanced()
        _, said = self._predict(view, view.semantic, list(range(len(view.images))))
        return Enhanced(
            class_logits=said.class_logits if "classes" in self.averages else None,
            box_deltas=said.box_deltas if "boxes" in self.averages else None,
            semantic_logits=said.semantic_logits if "semantic" in self.averages else None,
        )

    def _predict(self, view: StageView, semantic: SemanticView, images: list[int]) -> tuple[Tensor, Predictions]:
        """The regions of `images` and what is said of them and of those images' pixels."""
        rows, image = regions_of(images, view.image_index, len(view.images))
        seen = [semantic.index.index(position) for position in images]
        feature, logits, valid = select((semantic.feature, semantic.logits, semantic.valid), seen)
        region = view.region if len(rows) == len(view.region) else view.region[rows]
        region, feature, logits = map(self.taught, (region, feature, logits))
        if self.around is not None:
            shares = surroundings(logits, valid, view.boxes[rows], image, self.surround)
            region = torch.cat([region, self.around(shares).relu().to(region.dtype)], dim=1)
        key = ("class centers", *images)
        if key not in semantic.shared:
            semantic.shared[key] = class_centers(feature, logits, valid)
        relations = self.reasoning(region, image, feature, logits, valid, centers=semantic.shared[key])
        return rows, self.reasoning.predict(region, feature, relations)


def averaged_with(
    view: StageView, semantic: SemanticView, images: Sequence[int], rows: Int[Tensor, " k"], said: Predictions
) -> Predictions:
    """The mean of what is said of some images, whose RoIs are `rows`, and what the network says, without gradient."""
    seen = [semantic.index.index(position) for position in images]
    own = view.class_logits[rows], view.box_deltas[rows], semantic.logits[seen]
    theirs = said.class_logits, said.box_deltas, said.semantic_logits
    return Predictions(*((ours.detach() + other) / 2 for ours, other in zip(own, theirs, strict=True)))


def channel_maps(
    images: Sequence[ImageLabels], logits: Float[Tensor, "m s_th h w"], num_things: int
) -> Int[Tensor, "m h w"] | None:
    """For each pixel of the logits the channel that it should be, 255 unknown; None when no image owns a stuff map."""
    known = [image.semantic for image in images if image.semantic is not None]
    if not known:
        return None
    unknown = torch.full_like(known[0], IGNORE)
    full = torch.stack([unknown if image.semantic is None else image.semantic for image in images])
    small = F.interpolate(full[:, None].float(), size=logits.shape[2:], mode="nearest")[:, 0].long()
    merged = logits.shape[1] - 1
    return torch.where(small == IGNORE, IGNORE, torch.where(small < num_things, merged, small - num_things))
