"""Mean-field inference of a fully connected CRF with Gaussian edges (Krähenbühl and Koltun 2011)."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cqb_weak.cls2pixel.pixels import channels_last, positions, positions_and_colours
from cqb_weak.form import Form
from cqb_weak.permutohedral import Lattice

_IMAGE = Form("image: floating b 3 h w")
_SCORES = Form("scores: floating b k h w", "present: boolean b k", "edges: floating _ _ 1")


@dataclass(frozen=True, eq=False)
class Edges:
    """`weight` x D K D for a lattice's kernel K, where D = diag(K 1)^(-1/2): pixels in crowds do not shout.

    Args:
        lattice: of one image that stands for all, or of b images.
        scale: the diagonal of D, `b n 1`; 0 where a pixel takes no part.
        weight: what two neighbours of different class cost (Potts).
    """

    lattice: Lattice
    scale: Tensor
    weight: float

    @classmethod
    def of(cls, lattice: Lattice, valid: Float[Tensor, "b n 1"], weight: float) -> "Edges":
        """Edges between valid pixels."""
        mass = _filter(lattice, valid)
        return cls(lattice, valid / torch.sqrt(mass + 1e-20), weight)

    def message(self, probabilities: Float[Tensor, "b n k"]) -> Float[Tensor, "b n k"]:
        """What the neighbours say for each class."""
        return _filter(self.lattice, probabilities * self.scale) * (self.scale * self.weight)


def mean_field(
    unary: Float[Tensor, "b n k"], present: Bool[Tensor, "b k"], edges: tuple[Edges, ...], iterations: int = 10
) -> Float[Tensor, "b n k"]:
    """Class probabilities after some iterations, started at softmax(-unary).

    Args:
        unary: cost of each class, finite.
        present: classes of which an image may have pixels; the others get probability 0, all of them when none is.
        edges: the kernels.
        iterations: 0 gives the start.
    """
    absent = ~present.unsqueeze(1)
    probabilities = _softmax(-unary, absent)
    for _ in range(iterations):
        logits = -unary
        for edge in edges:
            logits = logits + edge.message(probabilities)
        probabilities = _softmax(logits, absent)
    return probabilities


@dataclass(frozen=True)
class DenseCrf:
    """A Gaussian and a bilateral kernel with the settings of RRM (Zhang et al., AAAI 2020, public code).

    Args:
        gaussian_xy: standard deviation of the first kernel, pixels.
        gaussian_weight: what it charges for two classes.
        bilateral_xy, bilateral_rgb: standard deviations of the second, pixels and steps of 0 to 255.
        bilateral_weight: what it charges.
        iterations: of mean field.
    """

    gaussian_xy: float = 3.0
    gaussian_weight: float = 3.0
    bilateral_xy: float = 80.0
    bilateral_rgb: float = 13.0
    bilateral_weight: float = 10.0
    iterations: int = 10

    def __post_init__(self) -> None:
        for name in ("gaussian_xy", "bilateral_xy", "bilateral_rgb"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: wanted a positive standard deviation, got {getattr(self, name)}")
        if self.iterations < 0:
            raise ValueError(f"iterations: wanted 0 or more, got {self.iterations}")

    def shrunk(self, factor: float) -> "DenseCrf":
        """The same CRF for an image whose sides are `factor` times as long."""
        return replace(self, gaussian_xy=self.gaussian_xy * factor, bilateral_xy=self.bilateral_xy * factor)

    def edges(self, image: Float[Tensor, "b 3 h w"], valid: Bool[Tensor, "b h w"] | None = None) -> tuple[Edges, ...]:
        """Both kernels of a batch: build them once, use them for several inferences.

        Args:
            image: red, green, blue from 0 to 255.
            valid: False where a pixel is padding and takes no part.
        """
        _IMAGE.check(image)
        b, _, h, w = image.shape
        image = image.to(torch.promote_types(image.dtype, torch.float32))
        part = image.new_ones(b, h * w, 1) if valid is None else valid.reshape(b, h * w, 1).to(image.dtype)
        place = positions((h, w), (self.gaussian_xy,) * 2, image)
        colours = positions_and_colours(image, (self.bilateral_xy,) * 2, self.bilateral_rgb)
        return (
            Edges.of(Lattice.of(place), part, self.gaussian_weight),
            Edges.of(Lattice.of(colours), part, self.bilateral_weight),
        )

    def __call__(
        self, scores: Float[Tensor, "b k h w"], edges: tuple[Edges, ...], present: Bool[Tensor, "b k"] | None = None
    ) -> Float[Tensor, "b k h w"]:
        """Class probabilities, at least in float32.

        Args:
            scores: evidence of each class, 0 to 1; its cost is -log(score), below 1e-5 taken as 1e-5.
            edges: of the same images.
            present: classes of which an image may have pixels; by default all.
        """
        if present is None:
            present = scores.new_ones(scores.shape[:2], dtype=torch.bool)
        _SCORES.check(scores, present, edges[0].scale)
        wide = scores.to(torch.promote_types(scores.dtype, torch.float32))
        unary = -channels_last(wide).clamp(1e-5, 1).log()
        probabilities = mean_field(unary, present, edges, self.iterations)
        return probabilities.mT.reshape(scores.shape)


def _softmax(logits: Float[Tensor, "b n k"], absent: Bool[Tensor, "b 1 k"]) -> Float[Tensor, "b n k"]:
    """Over the classes that are there; 0 for the others, without a NaN where none is."""
    weighed = torch.softmax(logits.masked_fill(absent, -torch.inf), -1)
    return weighed.masked_fill(absent, 0)


def _filter(lattice: Lattice, values: Float[Tensor, "b n k"]) -> Float[Tensor, "b n k"]:
    """One image's lattice filters all images at once, as further channels."""
    b, n, k = values.shape
    if lattice.shape[0] == b:
        return lattice.apply(values)
    joined = values.transpose(0, 1).reshape(1, n, b * k)
    return lattice.apply(joined).view(n, b, k).transpose(0, 1)
