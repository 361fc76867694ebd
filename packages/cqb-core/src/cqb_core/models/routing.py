"""Which images of a batch pass which part of the network."""

from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cqb_core.models.auxiliary import ImageLabels


def having(images: Iterable[ImageLabels], wanted: Callable[[ImageLabels], bool]) -> list[int]:
    """Positions of the images that are wanted, ascending."""
    return [position for position, image in enumerate(images) if wanted(image)]


def select(features: Sequence[Tensor], index: Sequence[int]) -> tuple[Tensor, ...]:
    """Feature maps (`b c h w` each) of some images; the very tensors when it is all of them."""
    if list(index) == list(range(len(features[0]))):
        return tuple(features)
    rows = torch.tensor(index, device=features[0].device, dtype=torch.long)
    return tuple(feature[rows] for feature in features)


def inside(
    sizes: Sequence[tuple[int, int]], padded: Sequence[int], maps: Float[Tensor, "m k h w"]
) -> Bool[Tensor, "m h w"]:
    """Cells of `maps` whose centres lie in the images, whose sizes (height, width) were padded on the far edges."""
    axes = []
    for axis in (0, 1):
        cells = maps.shape[2 + axis]
        centres = (torch.arange(cells, device=maps.device) + 0.5) * (padded[axis] / cells)
        axes.append(centres < torch.tensor([size[axis] for size in sizes], device=maps.device)[:, None])
    rows, columns = axes
    return rows[:, :, None] & columns[:, None, :]


def connected_zero(*modules: nn.Module) -> Tensor:
    """A zero that touches every parameter of `modules`.

    A part of the network that a batch does not use still gets (zero) gradients, so that DistributedDataParallel, which
    waits for each parameter, does not hang.
    """
    parameters = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    return torch.stack([parameter.sum() for parameter in parameters]).sum() * 0 if parameters else torch.zeros(())
