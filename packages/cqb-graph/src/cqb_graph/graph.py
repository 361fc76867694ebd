"""Two graphs and the one above them: things among themselves, stuff among itself, then all with all.

CQB-Net's "Semantic Coherence" paragraph: image-specific graphs G_th over proposals and G_st over classes, then a super
graph G with inter-graph layers.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cqb_graph.attention import GraphAttention


@dataclass(frozen=True)
class GraphOptions:
    """Choices that the paper leaves open.

    Args:
        intra: one layer inside each branch before the super graph [paper]; False has the super graph alone, as the
            public stand-in.
        residual: add a super-graph layer's input to its output. A graph that is fully connected averages over a
            thousand nodes, and without this a node forgets which one it is. False as the public stand-in.
        slope: of LeakyReLU in the scores.
        dropout: on nodes and edge weights while training.
        fused: make semantic logits from projected nodes, without the map of pixel features; False makes that map, as
            the paper does. The numbers are the same.
    """

    intra: bool = True
    residual: bool = True
    slope: float = 0.4
    dropout: float = 0.1
    fused: bool = True


PUBLIC_STAND_IN = GraphOptions(intra=False, residual=False, fused=False)
"""The graph of the nearest public code (Graphonomy-Panoptic)."""

Weights = Float[Tensor, "b m m"]


class RelationGraph(nn.Module):
    """Intra-graph layers, each with a residual, then `layers` super-graph layers.

    All super-graph layers but the last have `heads` heads that share the width; the last has one.

    Args:
        dim: length of every node.
        layers: of the super graph; 0 cuts the two branches apart.
        heads: of the layers before the last.
        options: see there.
    """

    def __init__(self, dim: int, layers: int, heads: int, options: GraphOptions) -> None:
        super().__init__()
        if layers < 0:
            raise ValueError(f"layers: wanted 0 or more, got {layers}")
        self.residual = options.residual

        def layer(heads: int = 1) -> GraphAttention:
            return GraphAttention(dim, dim, heads, options.slope, options.dropout)

        self.things = layer() if options.intra else None
        self.stuff = layer() if options.intra else None
        self.inter = nn.ModuleList(layer(heads if place < layers - 1 else 1) for place in range(layers))

    def forward(
        self,
        things: Float[Tensor, "b n d"],
        things_present: Bool[Tensor, "b n"],
        stuff: Float[Tensor, "b s d"],
        stuff_present: Bool[Tensor, "b s"],
        record: bool = False,
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b s d"], tuple[Weights, ...]]:
        """New thing nodes, new stuff nodes, and with `record` each layer's edge weights over all nodes, things first.

        Edge weights are `receiver sender`, means over heads; a layer with a residual counts as half its edges and half
        the node itself, so that a product of layers tells how much of a node came from which (Abnar & Zuidema 2020).
        """
        count = things.shape[1]
        seen: list[Tensor] = []
        if self.things is not None and self.stuff is not None:
            among_things, thing_weights = self.things(things, things_present)
            among_stuff, stuff_weights = self.stuff(stuff, stuff_present)
            things, stuff = things + among_things, stuff + among_stuff
            if record:
                seen.append(_with_self(_block_diagonal(thing_weights.mean(1), stuff_weights.mean(1))))
        nodes, present = torch.cat([things, stuff], dim=1), torch.cat([things_present, stuff_present], dim=1)
        for layer in self.inter:
            reasoned, weights = layer(nodes, present)
            nodes = nodes + reasoned if self.residual else reasoned
            if record:
                seen.append(_with_self(weights.mean(1)) if self.residual else weights.mean(1))
        return nodes[:, :count], nodes[:, count:], tuple(seen)


def _with_self(weights: Weights) -> Weights:
    return (weights + torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)) / 2


def _block_diagonal(first: Float[Tensor, "b n n"], second: Float[Tensor, "b s s"]) -> Weights:
    count, size = first.shape[1], first.shape[1] + second.shape[1]
    joined = first.new_zeros((len(first), size, size))
    joined[:, :count, :count] = first
    joined[:, count:, count:] = second
    return joined
