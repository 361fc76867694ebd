"""Drawn images of framed tiles: an object has a frame, its class is the colour inside, and a class has three colours.

A few boxed images teach what an object looks like from edge to edge, but not every colour of every class; tags of many
images teach the colours. Clutter has the same colours without a frame.
"""

import sys
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cqb_weak.cls2box.refinement import pairwise_iou

try:
    import numpy as np
except ModuleNotFoundError as error:
    sys.exit(f"this example needs numpy: pip install numpy ({error})")

COLOURS = np.array([[r, g, b] for r in (0.1, 0.5, 0.9) for g in (0.15, 0.85) for b in (0.15, 0.85)])
"""Twelve, RGB."""

NUM_CLASSES = 4
"""Class k has the colours k, k + 4 and k + 8."""


@dataclass(frozen=True)
class TaggedShapes:
    """Images with boxes, of which a learner may be shown the tags only.

    Args:
        images: RGB in 0..1.
        boxes: xyxy in pixels, of all objects.
        classes: of each box.
        box_image: image of each box.
    """

    images: Float[Tensor, "b 3 h w"]
    boxes: Float[Tensor, "g 4"]
    classes: Int[Tensor, " g"]
    box_image: Int[Tensor, " g"]

    @property
    def tags(self) -> Bool[Tensor, "b t"]:
        """Whether each class is in each image."""
        tags = torch.zeros(len(self.images), NUM_CLASSES, dtype=torch.bool)
        tags[self.box_image, self.classes] = True
        return tags

    def corloc(self, scores: Float[Tensor, "n t"], boxes: Float[Tensor, "n 4"], image: Int[Tensor, " n"]) -> float:
        """Share of tags whose best-scoring proposal has an IoU of 0.5 or more with an object of the class."""
        found = []
        for place, kind in self.tags.nonzero().tolist():
            top = scores[:, kind].masked_fill(image != place, -1).argmax()
            objects = self.boxes[(self.box_image == place) & (self.classes == kind)]
            found.append(bool((pairwise_iou(boxes[top][None], objects[None]) >= 0.5).any()))
        return sum(found) / len(found)


def draw(count: int, size: int, seed: int, most: int = 2) -> TaggedShapes:
    """`count` images of `size` x `size` pixels with 1 to `most` objects (fewer where there is no room) and clutter."""
    rng = np.random.default_rng(seed)
    images, boxes, classes, owners = [], [], [], []
    for place in range(count):
        canvas = _background(size, rng)
        taken: list[tuple[int, int, int, int]] = []
        for kind in rng.permutation(NUM_CLASSES)[: rng.integers(1, most + 1)]:
            box = _free_place(size, taken, rng)
            if box is None:
                break
            _tile(canvas, box, COLOURS[kind + NUM_CLASSES * rng.integers(3)])
            taken.append(box)
            classes.append(int(kind))
        boxes += taken
        owners += [place] * len(taken)
        images.append(np.clip(canvas + rng.normal(0, 0.04, canvas.shape), 0, 1))
    pixels = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2)).float()
    return TaggedShapes(pixels, torch.tensor(boxes).float(), torch.tensor(classes), torch.tensor(owners))


def _background(size: int, rng: np.random.Generator) -> Float[np.ndarray, "h w 3"]:
    """A dull colour with blocks of one colour each."""
    canvas = np.ones((size, size, 3)) * rng.uniform(0.15, 0.35, 3)
    for _ in range(4):
        x, y = rng.integers(0, size, 2)
        w, h = rng.integers(size // 10, size // 4, 2)
        canvas[y : y + h, x : x + w] = COLOURS[rng.integers(len(COLOURS))]
    return canvas


def _free_place(
    size: int, taken: list[tuple[int, int, int, int]], rng: np.random.Generator
) -> tuple[int, int, int, int] | None:
    """A box that touches none of those taken."""
    for _ in range(50):
        w, h = (int(side) for side in rng.integers(int(size * 0.3), int(size * 0.55), 2))
        x, y = (int(rng.integers(0, size - side)) for side in (w, h))
        if all(x >= x1 or x0 >= x + w or y >= y1 or y0 >= y + h for x0, y0, x1, y1 in taken):
            return x, y, x + w, y + h
    return None


def _tile(canvas: Float[np.ndarray, "h w 3"], box: tuple[int, int, int, int], colour: Float[np.ndarray, " 3"]) -> None:
    """A white frame of two pixels and, inside, one colour."""
    x0, y0, x1, y1 = box
    canvas[y0:y1, x0:x1] = 1.0
    canvas[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2] = colour
