"""Class, box and semantic logits from the host's features beside the enhanced ones (cls.en, reg.en, seg.en)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cqb_graph.relations import Predictions, Relations, memberships


class RelationPredictor(nn.Module):
    """Linear predictors on concatenated features.

    Args:
        region_dim: length of the host's region feature.
        stuff_dim: channels of the host's semantic feature.
        num_things: thing classes; background is added.
        num_stuff: channels of the semantic logits.
        node_dim: length of the enhanced features.
        box_columns: 4, or 4 a class where the host regresses per class.
        fused: project class nodes before they are spread over the pixels. Both maps are linear, so the logits are
            equal to those of the 1x1 convolution on the concatenation, whose map of pixel features is never made.
    """

    def __init__(
        self,
        region_dim: int,
        stuff_dim: int,
        num_things: int,
        num_stuff: int,
        node_dim: int,
        box_columns: int = 4,
        fused: bool = True,
    ) -> None:
        super().__init__()
        if box_columns not in (4, 4 * num_things):
            raise ValueError(f"box_columns: wanted 4 or {4 * num_things} (4 a thing class), got {box_columns}")
        self.stuff_dim, self.fused = stuff_dim, fused
        self.classify = nn.Linear(region_dim + node_dim, num_things + 1)
        self.regress = nn.Linear(region_dim + node_dim, box_columns)
        self.segment = nn.Conv2d(stuff_dim + node_dim, num_stuff, kernel_size=1)
        for layer, spread in ((self.classify, 0.01), (self.regress, 0.001), (self.segment, 0.01)):
            nn.init.normal_(layer.weight, std=spread)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(
        self, region_features: Float[Tensor, "n r"], stuff_feature: Float[Tensor, "b c h w"], relations: Relations
    ) -> Predictions:
        """Logits of every region and every pixel."""
        return Predictions(*self.regions(region_features, relations), self.pixels(stuff_feature, relations))

    def regions(
        self, region_features: Float[Tensor, "n r"], relations: Relations
    ) -> tuple[Float[Tensor, "n t_bg"], Float[Tensor, "n e"]]:
        """Class logits and box deltas."""
        rows = torch.cat([region_features, relations.region.to(region_features.dtype)], dim=1)
        class_logits, box_deltas = self.classify(rows), self.regress(rows)
        return class_logits, box_deltas

    def pixels(self, stuff_feature: Float[Tensor, "b c h w"], relations: Relations) -> Float[Tensor, "b s h w"]:
        """Semantic logits."""
        return self._fused(stuff_feature, relations) if self.fused else self._concatenated(stuff_feature, relations)

    def _concatenated(self, feature: Float[Tensor, "b c h w"], relations: Relations) -> Float[Tensor, "b s h w"]:
        logits: Tensor = self.segment(torch.cat([feature, relations.pixels.to(feature.dtype)], dim=1))
        return logits

    def _fused(self, feature: Float[Tensor, "b c h w"], relations: Relations) -> Float[Tensor, "b s h w"]:
        on_feature, on_nodes = self.segment.weight.split([self.stuff_dim, relations.stuff.shape[-1]], dim=1)
        own = F.conv2d(feature, on_feature, self.segment.bias)
        said = F.linear(relations.stuff, on_nodes.flatten(1)).transpose(1, 2)
        share = memberships(relations.logits).to(said.dtype)
        return own + (said @ share.flatten(2)).reshape(own.shape)
