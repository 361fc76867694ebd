"""What a Gaussian kernel compares of two pixels, and pictures on another grid."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate

Size = tuple[int, int]


def positions(size: Size, sigma: tuple[float, float], like: Tensor) -> Float[Tensor, "1 hw 2"]:
    """(x, y) of every pixel of a grid of `size` (height, width), in units of `sigma` (y, x) pixels."""
    y = torch.arange(size[0], device=like.device, dtype=like.dtype) / sigma[0]
    x = torch.arange(size[1], device=like.device, dtype=like.dtype) / sigma[1]
    return torch.stack([x.expand(size), y.unsqueeze(1).expand(size)], -1).view(1, -1, 2)


def positions_and_colours(
    image: Float[Tensor, "b 3 h w"], sigma_xy: tuple[float, float], sigma_rgb: float
) -> Float[Tensor, "b hw 5"]:
    """(x, y, r, g, b) of every pixel, positions in units of `sigma_xy` (y, x) pixels, colours of `sigma_rgb` steps."""
    colours = image.flatten(2).mT / sigma_rgb
    place = positions((image.shape[-2], image.shape[-1]), sigma_xy, colours)
    return torch.cat([place.expand(len(image), -1, -1), colours], -1)


def resample(maps: Float[Tensor, "b c h w"], size: Size) -> Float[Tensor, "b c H W"]:
    """Bilinear, averaging over what falls into a pixel when the grid becomes coarser. Keeps sums over c."""
    if maps.shape[-2:] == size:
        return maps
    return interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)


def resample_mask(mask: Bool[Tensor, "b h w"], size: Size) -> Bool[Tensor, "b H W"]:
    """The nearest pixel's value."""
    return interpolate(mask.unsqueeze(1).to(torch.uint8), size, mode="nearest").squeeze(1).bool()


def channels_last(maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b hw c"]:
    """A row a pixel, as the kernels want it."""
    return maps.flatten(2).mT
