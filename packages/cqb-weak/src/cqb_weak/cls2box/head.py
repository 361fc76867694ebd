"""The learnable part of Cls2Box: two linear maps of a RoI's feature."""

from jaxtyping import Float
from torch import Tensor, nn


class MIDHead(nn.Module):
    """Class stream and proposal stream of the multiple-instance detection head (WSDDN, Sec. 3.3).

    Args:
        in_features: numbers in a RoI's feature: d of a vector, c x p x p of a map.
        num_classes: t, without background.
        std: of the initial weights; small, so that training starts from even scores.
    """

    def __init__(self, in_features: int, num_classes: int, std: float = 0.01) -> None:
        super().__init__()
        self.classes = nn.Linear(in_features, num_classes)
        self.proposals = nn.Linear(in_features, num_classes)
        for linear in (self.classes, self.proposals):
            nn.init.normal_(linear.weight, std=std)
            nn.init.zeros_(linear.bias)

    def forward(self, features: Float[Tensor, "n ..."]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t"]]:
        """Class and proposal logits of each RoI. ValueError when a feature has another size than `in_features`."""
        wanted, got = self.classes.in_features, features.shape[1:].numel()
        if got != wanted:
            raise ValueError(f"features: wanted {wanted} numbers a RoI, got shape {tuple(features.shape)}")
        flat = features.flatten(1)
        return self.classes(flat), self.proposals(flat)
