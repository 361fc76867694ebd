"""Which stuff speaks for which thing, and the other way round: an image's learnt edges by class, and what a class does.

Edge weights say where a node looked, not what it concluded (Jain & Wallace 2019); `ablate` says the latter, by leaving
each class node out in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from cqb_graph.nodes import class_centers
from cqb_graph.reasoning import RelationReasoning
from cqb_graph.relations import Relations
from cqb_graph.table import ClassTable


@dataclass(frozen=True)
class Explanation:
    """The edges of one image between classes.

    Args:
        stuff_to_things: row thing class, column stuff class: the share of the regions' nodes that came from the class.
        things_to_stuff: row stuff class, column thing class: the share of the class's node that came from regions of
            that thing class.
    """

    stuff_to_things: ClassTable
    things_to_stuff: ClassTable


def explain(
    relations: Relations,
    class_logits: Float[Tensor, "n t_bg"],
    things: Sequence[str],
    stuff: Sequence[str],
    image: int = 0,
) -> Explanation:
    """Edge weights of an image, followed through all layers, with regions weighted by their class probabilities.

    Args:
        relations: made with `edges=True`.
        class_logits: of its regions, background last: the host's, the enhanced or their mean.
        things: names of the thing classes.
        stuff: names of the channels of the semantic logits.
        image: position in the batch.

    Raises:
        ValueError: `relations` has no edges, names do not fit, or there is no such image.
    """
    if relations.edges is None:
        raise ValueError("relations: wanted those of a pass with edges=True, got none")
    count = relations.stuff.shape[1]
    _check_names(class_logits, count, things, stuff)
    if not 0 <= image < len(relations.stuff):
        raise ValueError(f"image: wanted 0 to {len(relations.stuff) - 1}, got {image}")
    flow, layout = relations.edges.flow()[image].detach(), relations.edges.layout
    mine = layout.image == image
    places = layout.place[mine]
    share = class_logits[mine].detach().softmax(dim=1)[:, :-1].to(flow.dtype)
    support = share.sum(dim=0)
    to_things = _weighted(share, flow[places][:, flow.shape[1] - count :])
    to_stuff = flow[flow.shape[0] - count :][:, places] @ share
    return Explanation(
        ClassTable(
            "share of a thing's node that came from a stuff class", things, stuff, to_things.cpu(), support.cpu()
        ),
        ClassTable(
            "share of a stuff node that came from things of a class",
            stuff,
            things,
            to_stuff.cpu(),
            torch.ones(count, dtype=flow.dtype),
        ),
    )


@torch.no_grad()
def ablate(
    module: RelationReasoning,
    region_features: Float[Tensor, "n r"],
    image_index: Integer[Tensor, " n"],
    stuff_feature: Float[Tensor, "b c h w"],
    stuff_logits: Float[Tensor, "b s h w"],
    valid: Bool[Tensor, "b h w"] | None = None,
    *,
    things: Sequence[str],
    stuff: Sequence[str],
) -> ClassTable:
    """How much each class node raises the logit of each thing class: with all nodes, minus without that one (nats).

    A mean over the batch's regions, weighted by their probability of the thing class; the mean over classes
    (background included) is taken off first, as softmax does not see it. Arguments are those of the module, which
    should be in evaluation mode.

    Raises:
        ValueError: names do not fit, or what the module raises.
    """
    centers = class_centers(stuff_feature, stuff_logits, valid)

    def logits(left_out: int | None) -> Tensor:
        without = torch.zeros(stuff_logits.shape[:2], dtype=torch.bool, device=stuff_logits.device)
        if left_out is not None:
            without[:, left_out] = True
        relations = module(
            region_features, image_index, stuff_feature, stuff_logits, valid, centers=centers, without=without
        )
        made = module.predictor.regions(region_features, relations)[0].float()
        return made - made.mean(dim=1, keepdim=True)

    whole = logits(None)
    _check_names(whole, stuff_logits.shape[1], things, stuff)
    share = whole.softmax(dim=1)[:, :-1]
    effects = [_weighted(share, (whole - logits(place))[:, :-1], paired=True) for place in range(len(stuff))]
    return ClassTable(
        "rise of a thing's logit by a stuff class (nats)",
        things,
        stuff,
        torch.stack(effects, 1).cpu(),
        share.sum(0).cpu(),
    )


def _weighted(share: Float[Tensor, "n t"], values: Float[Tensor, "n k"], paired: bool = False) -> Tensor:
    """Mean of the regions' values for each thing class (`t k`, or `t` of its own column when paired); 0 without any."""
    total = (share * values).sum(dim=0) if paired else share.T @ values
    much = share.sum(dim=0)
    return total / (much if paired else much[:, None]).clamp(min=torch.finfo(share.dtype).tiny)


def _check_names(class_logits: Tensor, count: int, things: Sequence[str], stuff: Sequence[str]) -> None:
    for name, names, wanted in (("things", things, class_logits.shape[1] - 1), ("stuff", stuff, count)):
        if len(names) != wanted:
            raise ValueError(f"{name}: wanted {wanted} names, got {len(names)}")
