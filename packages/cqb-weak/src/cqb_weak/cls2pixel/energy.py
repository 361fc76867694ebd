"""Dense energy: pixels that are near and alike in colour should be of one class (Tang et al. 2018; RRM, 2020)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate

from cqb_weak.cls2pixel.pixels import Size, channels_last, positions_and_colours, resample, resample_mask
from cqb_weak.form import Form
from cqb_weak.options import choice
from cqb_weak.permutohedral import ExactGaussian, Lattice
from cqb_weak.values import finite

Kernel = ExactGaussian | Lattice
FILTERS: dict[str, Callable[[Tensor], Kernel]] = {"exact": ExactGaussian, "lattice": Lattice.of}
RESAMPLINGS = ("average", "reference")

_MASKS = ("valid?: boolean b H W", "gate?: floating b H W")
_FORM = Form("probabilities: floating b k h w", "image: floating b 3 H W", *_MASKS)


def agreement(
    probabilities: Float[Tensor, "b n k"],
    kernel: Kernel,
    part: Float[Tensor, "b n 1"],
    gate: Float[Tensor, "b n 1"] | None = None,
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """P' A P summed over the classes, and 1' A 1, image by image.

    The kernel is applied once, without building a graph; the gradient 2 A P (for the lattice A P + A' P) is exact.

    Args:
        probabilities: P.
        kernel: A.
        part: 1 for pixels that take part, else 0; P and 1 are multiplied with it.
        gate: weights of the outer P only. They get their gradient too.
    """
    inner = probabilities * part
    outer = inner if gate is None else inner * gate
    with torch.no_grad():
        filtered = kernel.apply(torch.cat([inner, part], -1))
        seen, mass = filtered[..., :-1], (part * filtered[..., -1:]).sum((1, 2))
        same = gate is None and kernel.symmetric
        mirrored = seen if same else kernel.apply(outer, transposed=True)
    total = (outer * seen).sum((1, 2)) + (inner * mirrored).sum((1, 2))
    return total - (outer * seen).sum((1, 2)).detach(), mass


@dataclass(frozen=True)
class DenseEnergy:
    """-P' A P of each image, with A_ij = exp(-|f_i - f_j|^2 / 2) and f = (x, y) / xy, (r, g, b) / rgb.

    Normalised it is divided by 1' A 1 and lies between -1 (all pixels surely of one class) and 0, whatever the grid;
    1 + energy is the share of disagreeing pairs.

    Args:
        xy: standard deviation of the positions, pixels of the image.
        rgb: of the colours, steps of 0 to 255.
        side: longest side of the grid on which pairs are counted; none for the image's own grid.
        filter: "exact" sums over all pairs, quadratic in the pixels of the grid; "lattice" is linear.
        normalise: False for the plain sum over pairs, which grows x 16 when the side doubles.
        resampling: onto the grid; "average" takes the mean of what falls into a pixel, "reference" picks the image's
            nearest pixel and interpolates probabilities between neighbours, as the public code does.
    """

    xy: float = 100.0
    rgb: float = 15.0
    side: int | None = 64
    filter: str = "exact"
    normalise: bool = True
    resampling: str = "average"

    def __post_init__(self) -> None:
        choice("filter", self.filter, FILTERS)
        choice("resampling", self.resampling, RESAMPLINGS)
        for name in ("xy", "rgb"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: wanted a positive standard deviation, got {getattr(self, name)}")
        if self.side is not None and self.side < 1:
            raise ValueError(f"side: wanted a positive number of pixels or none, got {self.side}")

    def grid(self, size: Size) -> Size:
        """(height, width) on which an image of `size` is looked at; never finer than the image."""
        factor = 1.0 if self.side is None else min(1.0, self.side / max(size))
        return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))

    def __call__(
        self,
        probabilities: Float[Tensor, "b k h w"],
        image: Float[Tensor, "b 3 H W"],
        valid: Bool[Tensor, "b H W"] | None = None,
        gate: Float[Tensor, "b H W"] | None = None,
    ) -> Float[Tensor, " b"]:
        """Energy of each image, at least in float32; 0 for one without a valid pixel.

        Args:
            probabilities: of the classes, on any grid.
            image: red, green, blue from 0 to 255; without gradient.
            valid: False where a pixel is padding.
            gate: weight of each pixel in the outer factor, 0 to 1; RRM gives 1 to unlabelled pixels and 1 - max P to
                the others.
        """
        self._check(probabilities, image, valid, gate)
        energies = self.unchecked(probabilities, image, valid, gate)
        finite([energies.sum()], probabilities=probabilities, image=image)
        return energies

    def unchecked(
        self, probabilities: Tensor, image: Tensor, valid: Tensor | None = None, gate: Tensor | None = None
    ) -> Float[Tensor, " b"]:
        """The call without its checks."""
        size = self.grid((image.shape[-2], image.shape[-1]))
        wide = torch.promote_types(probabilities.dtype, torch.float32)
        coarse = self._onto(probabilities.to(wide), size)
        part = coarse.new_ones(len(image), 1, *size) if valid is None else resample_mask(valid, size)[:, None].to(wide)
        gated = None if gate is None else interpolate(gate.to(wide)[:, None], size, mode="nearest")
        energy, mass = agreement(
            channels_last(coarse),
            self._kernel(image.detach().to(wide), size),
            channels_last(part),
            None if gated is None else channels_last(gated),
        )
        return -energy / mass.clamp(min=1) if self.normalise else -energy

    def _onto(self, maps: Tensor, size: Size) -> Tensor:
        if self.resampling == "average":
            return resample(maps, size)
        return interpolate(maps, size, mode="bilinear", align_corners=False)

    def _kernel(self, image: Tensor, size: Size) -> Kernel:
        sigma = (self.xy * size[0] / image.shape[-2], self.xy * size[1] / image.shape[-1])
        coarse = resample(image, size) if self.resampling == "average" else interpolate(image, size, mode="nearest")
        return FILTERS[self.filter](positions_and_colours(coarse, sigma, self.rgb))

    @staticmethod
    def _check(probabilities: Tensor, image: Tensor, valid: Tensor | None, gate: Tensor | None) -> None:
        _FORM.check(probabilities, image, valid, gate)


def dense_energy(
    probabilities: Float[Tensor, "b k h w"], image: Float[Tensor, "b 3 H W"], valid: Bool[Tensor, "b H W"] | None = None
) -> Float[Tensor, " b"]:
    """`DenseEnergy()` with its defaults: normalised, exact, on a grid of at most 64 pixels a side."""
    return DenseEnergy()(probabilities, image, valid)
