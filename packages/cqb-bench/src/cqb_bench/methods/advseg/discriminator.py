"""The network that tells label maps from predicted ones, cell by cell (Hung et al. 2018, Sec. 3.2)."""

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import interpolate

WIDTHS = (1, 2, 4, 8)
"""Channels of the layers in units of the first one's."""


class Discriminator(nn.Module):
    """Five convolutions with leaky ReLU 0.2, their last map enlarged to the size of the first.

    The paper's five each halve maps of the image's size. Maps at stride 4 are halved three times, which gives the same
    32 pixels of the image a cell of the last map; two more convolutions keep the size.

    Args:
        classes: channels k of the maps.
        channels: of the first layer.
    """

    def __init__(self, classes: int, channels: int = 64) -> None:
        super().__init__()
        one, two, four, eight = (channels * width for width in WIDTHS)
        self.layers = nn.Sequential(
            nn.Conv2d(classes, one, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(one, two, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(two, four, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(four, eight, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(eight, 1, 3, padding=1),
        )

    def forward(self, maps: Float[Tensor, "m k h w"]) -> Float[Tensor, "m h w"]:
        """Logit of being a label map, for each cell.

        Raises:
            ValueError: when a side has fewer than 8 cells, too few to be halved three times.
        """
        if min(maps.shape[2:]) < 8:
            raise ValueError(f"maps: wanted sides of 8 cells or more, got {tuple(maps.shape[2:])}")
        small = self.layers(maps)
        large: Tensor = interpolate(small, maps.shape[2:], mode="bilinear", align_corners=False)
        return large[:, 0]


def judged(discriminator: nn.Module, maps: Float[Tensor, "m k h w"]) -> Float[Tensor, "m h w"]:
    """What the discriminator says, with a gradient for the maps and none for its parameters."""
    frozen = {name: parameter.detach() for name, parameter in discriminator.named_parameters()}
    said: Tensor = functional_call(discriminator, frozen, (maps,))
    return said


def mean_over(values: Float[Tensor, "m h w"], cells: Bool[Tensor, "m h w"]) -> Float[Tensor, ""]:
    """Mean of the values in some cells; 0 when there is none."""
    return values.masked_fill(~cells, 0).sum() / cells.sum().clamp(min=1)
