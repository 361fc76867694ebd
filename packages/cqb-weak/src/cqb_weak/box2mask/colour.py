"""Which neighbours look alike: CIELAB colours under the cells of a mask (Tian et al., BoxInst, 2021, section 3.2)."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, pad

from cqb_weak.box2mask.structure import SHIFTS, ends
from cqb_weak.form import Form
from cqb_weak.options import within
from cqb_weak.values import Values

# IEC 61966-2-1: linear sRGB to CIE XYZ, divided by the white point D65 row by row.
_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
_SAMPLES = 2

_ROIS = Form("images: floating b 3 height width", "image_index: integral n", "rois: floating n 4")
_COLOURS = Form("colours: floating n 3 h w")


def rgb_to_lab(rgb: Float[Tensor, "*b 3 h w"]) -> Float[Tensor, "*b 3 h w"]:
    """CIELAB (L 0 to 100; D65, 2 degrees) of sRGB colours from 0 to 1; computed in float32 or float64."""
    rgb = rgb.to(torch.promote_types(rgb.dtype, torch.float32))
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    matrix = rgb.new_tensor(_XYZ) / rgb.new_tensor(_WHITE)[:, None]
    xyz = torch.einsum("ij,...jhw->...ihw", matrix, linear)
    bent = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = bent.unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -3)


def roi_colours(
    images: Float[Tensor, "b 3 height width"],
    image_index: Int[Tensor, " n"],
    rois: Float[Tensor, "n 4"],
    size: tuple[int, int],
) -> Float[Tensor, "n 3 h w"]:
    """Mean CIELAB colour of each cell of an h x w grid laid over each RoI, from 2 x 2 samples; without gradient.

    Args:
        images: sRGB from 0 to 1 (not normalised by a mean).
        image_index: in which image each RoI lies.
        rois: xyxy in pixels of `images`; beyond the image its border's colour goes on.
        size: (h, w), the cells of a mask.

    Raises:
        TypeError, ValueError: naming the argument whose type, shape or device is wrong.
    """
    _ROIS.check(images, image_index, rois)
    values = Values()
    values.boxes(rois=rois)
    image_index = values.index("image_index", image_index, len(images))
    values.check()
    return cell_colours(images, image_index, rois, size)


@torch.no_grad()
def cell_colours(
    images: Float[Tensor, "b 3 height width"],
    image_index: Int[Tensor, " n"],
    rois: Float[Tensor, "n 4"],
    size: tuple[int, int],
) -> Float[Tensor, "n 3 h w"]:
    """`roi_colours` without its checks."""
    return rgb_to_lab(avg_pool2d(_samples(images, image_index, rois, size), _SAMPLES))


def colour_alike(colours: Float[Tensor, "n 3 h w"], similarity: float = 0.3) -> Bool[Tensor, "n 4 h w"]:
    """Whether exp(-|difference of colours| / 2) >= `similarity`, for the pairs of neighbours of `structure_loss`.

    0.3 allows a difference of 2.4 in CIELAB, about what an eye can just see. Pairs across the border are not alike.

    Raises:
        TypeError, ValueError: naming the argument that is wrong.
    """
    _COLOURS.check(colours)
    within("similarity", similarity, 0.0, 1.0)
    return neighbours_alike(colours, similarity)


def neighbours_alike(colours: Float[Tensor, "n 3 h w"], similarity: float) -> Bool[Tensor, "n 4 h w"]:
    """`colour_alike` without its checks."""
    return torch.stack([_alike(colours, shift, similarity) for shift in SHIFTS], 1)


def _alike(colours: Float[Tensor, "n 3 h w"], shift: tuple[int, int], similarity: float) -> Bool[Tensor, "n h w"]:
    near, far = ends(colours, shift)
    dy, dx = shift
    bound = -2 * math.log(similarity) if similarity else math.inf
    close = (near - far).square().sum(1) <= bound**2
    return pad(close, (max(0, -dx), max(0, dx), 0, dy))


def _samples(
    images: Float[Tensor, "b 3 height width"],
    image_index: Int[Tensor, " n"],
    rois: Float[Tensor, "n 4"],
    size: tuple[int, int],
) -> Float[Tensor, "n 3 hh ww"]:
    """Bilinear samples, `_SAMPLES` a cell in each direction; the images are the slices of one volume."""
    images = images.to(torch.promote_types(images.dtype, torch.float32))
    count, _, height, width = images.shape
    low, high = rois.to(images.dtype).unflatten(1, (2, 2)).unbind(1)
    x, y = (
        low[:, axis, None] + (high - low)[:, axis, None] * _centres(size[1 - axis] * _SAMPLES, images)
        for axis in range(2)
    )
    z = (image_index + 0.5) / count
    grid = torch.broadcast_tensors((x / width)[:, None, :], (y / height)[:, :, None], z.to(x.dtype)[:, None, None])
    volume = images.transpose(0, 1)[None]
    sampled = grid_sample(volume, torch.stack(grid, -1)[None] * 2 - 1, padding_mode="border", align_corners=False)
    return sampled[0].transpose(0, 1)


def _centres(cells: int, like: Tensor) -> Float[Tensor, " cells"]:
    return (torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) / cells
