"""Class activation maps: where in a feature map a class is seen (Zhou et al. 2016)."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate, relu

from cqb_weak.cls2pixel.pixels import Size
from cqb_weak.form import Form

EPSILON = 1e-5
"""Added to a class's largest activation before dividing by it (RRM, public code)."""

_CLASSIFIED = Form("features: floating b c h w", "weight: floating s c")
_IMAGE = Form("image: any b 3 H W")


def class_activation_maps(features: Float[Tensor, "b c h w"], weight: Float[Tensor, "s c"]) -> Float[Tensor, "b s h w"]:
    """ReLU of the classifier applied at every pixel; `normalised` brings it to 0..1.

    Args:
        features: what the classifier pools.
        weight: of the classifier, a row a class.
    """
    _CLASSIFIED.check(features, weight)
    with torch.autocast(features.device.type, enabled=False):
        wide = torch.promote_types(features.dtype, torch.float32)
        return relu(torch.einsum("bchw,sc->bshw", features.to(wide), weight.to(wide)))


def normalised(maps: Float[Tensor, "b s h w"]) -> Float[Tensor, "b s h w"]:
    """Each class of each image by its largest activation, so that it reaches (almost) 1. A map of zeros stays so."""
    return maps / (maps.amax((2, 3), keepdim=True) + EPSILON)


def multi_scale_maps(
    maps_of: Callable[[Tensor], Tensor],
    image: Float[Tensor, "b 3 H W"],
    size: Size,
    scales: Sequence[float] = (0.5, 1.0, 1.5, 2.0),
    flip: bool = True,
) -> Float[Tensor, "b s h w"]:
    """Mean of the maps of an image at several scales, and of its mirror image.

    Args:
        maps_of: from images `b 3 H' W'` to maps `b s h' w'` that are not yet normalised; called once a scale and side.
        image: as the network wants it.
        size: (height, width) of the result.
        scales: factors of the image's sides, each positive.
        flip: whether mirror images take part.
    """
    _IMAGE.check(image)
    if not scales or min(scales) <= 0:
        raise ValueError(f"scales: wanted one or more positive factors, got {tuple(scales)}")
    seen = []
    for scale in scales:
        extent = [max(1, round(side * scale)) for side in image.shape[2:]]
        scaled = image if scale == 1 else interpolate(image, extent, mode="bilinear", align_corners=False)
        maps = [maps_of(scaled)] + ([maps_of(scaled.flip(-1)).flip(-1)] if flip else [])
        seen += [interpolate(each, size, mode="bilinear", align_corners=False) for each in maps]
    return torch.stack(seen).mean(0)
