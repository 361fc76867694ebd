"""The classification branch on the semantic feature, whose weights also give the activation maps."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cqb_weak.cls2pixel.activation import class_activation_maps
from cqb_weak.form import Form
from cqb_weak.options import within

_FORM = Form("features: floating b c h w", "valid?: boolean b h w")


class ClassBranch(nn.Module):
    """Dropout of whole channels, mean over the pixels, one linear map without bias.

    Args:
        in_channels: of the feature map.
        num_classes: image tags to tell.
        dropout: chance that a channel is left out of a training step.
    """

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        within("dropout", dropout, 0.0, 1.0)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Linear(in_channels, num_classes, bias=False)

    def forward(
        self, features: Float[Tensor, "b c h w"], valid: Bool[Tensor, "b h w"] | None = None
    ) -> Float[Tensor, "b s"]:
        """Logit of each tag.

        Args:
            features: c as `in_channels`.
            valid: False where a pixel is padding, which is left out of the mean; an image without any valid pixel gets
                logits 0.
        """
        self._check(features, valid)
        dropped = self.dropout(features)
        if valid is None:
            pooled = dropped.mean((2, 3))
        else:
            part = valid.unsqueeze(1)
            pooled = dropped.masked_fill(~part, 0).sum((2, 3)) / part.sum((2, 3)).clamp(min=1)
        logits: Tensor = self.classifier(pooled)
        return logits

    def maps(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b s h w"]:
        """Activation maps, not normalised and without gradient."""
        self._check(features, None)
        with torch.no_grad():
            return class_activation_maps(features, self.classifier.weight)

    def _check(self, features: Tensor, valid: Tensor | None) -> None:
        _FORM.check(features, valid, c=self.classifier.in_features)
