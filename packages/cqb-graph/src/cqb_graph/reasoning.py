"""Relation reasoning between the regions and the semantic classes of each image, in both directions.

Regions and classes become nodes, reason (`cqb_graph.graph`), and go back as features beside the host's own.
Nothing is detached: a loss on either side trains both.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from cqb_graph.form import Form
from cqb_graph.graph import GraphOptions, RelationGraph
from cqb_graph.nodes import Layout, class_centers
from cqb_graph.options import positive
from cqb_graph.predictor import RelationPredictor
from cqb_graph.relations import Edges, Predictions, Relations
from cqb_graph.values import Values, sums

_FORM = Form(
    "region_features: floating n r",
    "image_index: integral n",
    "stuff_feature: floating b c h w",
    "stuff_logits: floating b s h w",
    "valid?: boolean b h w",
    "centers?: floating b s c",
    "without?: boolean b s",
)


class RelationReasoning(nn.Module):
    """One relation module; a cascade has one a stage.

    Args:
        region_dim: length of the host's region feature (the vector that its box classifier reads).
        stuff_dim: channels of its semantic feature.
        num_things: thing classes.
        num_stuff: channels of its semantic logits: stuff classes, and the merged things class where it has one.
        node_dim: length of nodes and enhanced features; 128 in the paper.
        layers: of the super graph; 2 in the paper. 0 cuts the branches apart.
        heads: of its layers but the last.
        box_columns: of the host's box regression: 4, or 4 a thing class.
        options: what the paper leaves open.
    """

    def __init__(
        self,
        region_dim: int,
        stuff_dim: int,
        num_things: int,
        num_stuff: int,
        *,
        node_dim: int = 128,
        layers: int = 2,
        heads: int = 2,
        box_columns: int = 4,
        options: GraphOptions | None = None,
    ) -> None:
        super().__init__()
        positive(
            region_dim=region_dim, stuff_dim=stuff_dim, num_things=num_things, num_stuff=num_stuff, node_dim=node_dim
        )
        chosen = options or GraphOptions()
        self.region_in, self.stuff_in = projection(region_dim, node_dim), projection(stuff_dim, node_dim)
        self.graph = RelationGraph(node_dim, layers, heads, chosen)
        self.region_out, self.stuff_out = projection(node_dim, node_dim), projection(node_dim, node_dim)
        self.predictor = RelationPredictor(
            region_dim, stuff_dim, num_things, num_stuff, node_dim, box_columns, chosen.fused
        )

    def forward(
        self,
        region_features: Float[Tensor, "n r"],
        image_index: Integer[Tensor, " n"],
        stuff_feature: Float[Tensor, "b c h w"],
        stuff_logits: Float[Tensor, "b s h w"],
        valid: Bool[Tensor, "b h w"] | None = None,
        *,
        centers: Float[Tensor, "b s c"] | None = None,
        without: Bool[Tensor, "b s"] | None = None,
        longest: int | None = None,
        edges: bool = False,
    ) -> Relations:
        """Enhanced features of every region and class.

        Args:
            region_features: of the regions of all images, in any order; an image may have none.
            image_index: image of each region, 0 to b - 1.
            stuff_feature: semantic feature.
            stuff_logits: made from it.
            valid: pixels inside the images; None for all. Padding has no influence.
            centers: `class_centers` of the three, where several stages share them.
            without: class nodes to leave out of the graph.
            longest: at least the most regions of an image; spares counting them, which waits for the device.
            edges: also hand back the edge weights.

        Raises:
            TypeError: an argument has no fit numbers.
            ValueError: a shape, an image number or a number that is not finite; the argument is named.
        """
        self._check(region_features, image_index, stuff_feature, stuff_logits, valid, centers, without)
        values = Values()
        image_index = values.index("image_index", image_index, 0, len(stuff_logits) - 1)
        if centers is None:
            centers = class_centers(stuff_feature, stuff_logits, valid)
        layout = Layout.of(image_index, len(stuff_logits), longest)
        if longest is not None:
            layout = replace(layout, place=values.room("longest", longest, layout.place))
        things = layout.spread(self.region_in(region_features))
        stuff = self.stuff_in(centers.to(self.stuff_in.weight.dtype)).to(things.dtype)
        seen = self._present(stuff_logits, valid, without)
        things, stuff, weights = self.graph(things, layout.present, stuff, seen, record=edges)
        region, stuff = self.region_out(layout.collect(things)), self.stuff_out(stuff)
        causes = {"region_features": region_features, "stuff_feature": stuff_feature}
        values.check(sums(region, stuff), **causes, stuff_logits=stuff_logits, centers=centers)
        return Relations(region, stuff, stuff_logits, Edges(weights, layout) if edges else None)

    def predict(
        self, region_features: Float[Tensor, "n r"], stuff_feature: Float[Tensor, "b c h w"], relations: Relations
    ) -> Predictions:
        """Class, box and semantic logits; the first two arguments are those that `relations` was made from."""
        predictions: Predictions = self.predictor(region_features, stuff_feature, relations)
        return predictions

    def _check(
        self,
        region_features: Tensor,
        image_index: Tensor,
        stuff_feature: Tensor,
        stuff_logits: Tensor,
        valid: Tensor | None,
        centers: Tensor | None,
        without: Tensor | None,
    ) -> None:
        r, c = self.region_in.in_features, self.stuff_in.in_features
        given = (region_features, image_index, stuff_feature, stuff_logits, valid, centers, without)
        _FORM.check(*given, r=r, c=c, s=self.predictor.segment.out_channels)

    def _present(self, logits: Tensor, valid: Tensor | None, without: Tensor | None) -> Bool[Tensor, "b s"]:
        """Class nodes that reason: all but those left out and those of images without a valid pixel."""
        present = torch.ones(logits.shape[:2], dtype=torch.bool, device=logits.device)
        if valid is not None:
            present = present & valid.flatten(1).any(dim=1)[:, None]
        return present if without is None else present & ~without


def projection(in_dim: int, out_dim: int) -> nn.Linear:
    """A linear map with weights of variance 1 / fan-in and a bias of zeros."""
    layer = nn.Linear(in_dim, out_dim)
    nn.init.kaiming_uniform_(layer.weight, a=1)
    nn.init.zeros_(layer.bias)
    return layer
