"""What relation reasoning hands back: enhanced features of regions and classes, pixels' on demand, and edges."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cqb_graph.attention import widened
from cqb_graph.nodes import Layout


def memberships(logits: Float[Tensor, "b s h w"]) -> Float[Tensor, "b s h w"]:
    """How much each pixel belongs to each class: softmax over classes, in float32 or wider."""
    share: Tensor = widened(logits).softmax(dim=1)
    return share


def pixel_features(nodes: Float[Tensor, "b s d"], logits: Float[Tensor, "b s h w"]) -> Float[Tensor, "b d h w"]:
    """Each pixel's mean of the class nodes, weighted by its class probabilities."""
    share = memberships(logits).to(nodes.dtype)
    return (nodes.transpose(1, 2) @ share.flatten(2)).reshape(len(nodes), -1, *logits.shape[2:])


@dataclass(frozen=True)
class Edges:
    """Learnt edge weights of one pass.

    Args:
        layers: of every layer, `image receiver sender`, means over heads; thing places first, then classes. Rows sum
            to 1; a layer with a residual counts as half its edges and half the node itself.
        layout: where each region stands among the thing places.
    """

    layers: tuple[Float[Tensor, "b m m"], ...]
    layout: Layout

    def flow(self) -> Float[Tensor, "b m m"]:
        """How much of each last node (row) came from each first node (column): the product of the layers."""
        if not self.layers:
            raise ValueError("edges: wanted at least one layer, got a graph without any")
        total = self.layers[0]
        for weights in self.layers[1:]:
            total = weights @ total
        return total


@dataclass(frozen=True)
class Relations:
    """Enhanced features, to be concatenated with the host's own.

    Args:
        region: of each region, in the order in which they came (f_th_en).
        stuff: of each class node of each image, projected to the pixels' width.
        logits: the host's semantic logits, which say how much of each class a pixel is.
        edges: where they were asked for.
    """

    region: Float[Tensor, "n d"]
    stuff: Float[Tensor, "b s e"]
    logits: Float[Tensor, "b s h w"]
    edges: Edges | None = None

    @property
    def pixels(self) -> Float[Tensor, "b e h w"]:
        """Enhanced pixel features (f_st_en), made when read: at stride 4 of 1333x800 they are 34 MB an image."""
        return pixel_features(self.stuff, self.logits)


@dataclass(frozen=True)
class Predictions:
    """What the enhanced features say.

    Args:
        class_logits: thing classes and, last, background.
        box_deltas: in the host's own box coding.
        semantic_logits: the semantic branch's channels.
    """

    class_logits: Float[Tensor, "n t_bg"]
    box_deltas: Float[Tensor, "n e"]
    semantic_logits: Float[Tensor, "b s h w"]


def average_logits(base: Float[Tensor, "*axes"], *enhanced: Float[Tensor, "*axes"] | None) -> Float[Tensor, "*axes"]:
    """Mean of the host's logits (or deltas) and those of its relation modules; None has nothing to say."""
    every = [base, *(logits for logits in enhanced if logits is not None)]
    return torch.stack(every).mean(dim=0)
