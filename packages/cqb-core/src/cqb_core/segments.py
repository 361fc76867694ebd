"""A panoptic map in memory: an id at every pixel and a table that says what the ids are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

VOID = 0
"""The id of a pixel that belongs to no segment (COCO's panoptic format)."""


@dataclass(frozen=True)
class Segment:
    """One segment of a panoptic map.

    Args:
        id: its value in the map, > 0.
        category_id: the published category id (`Category.id`).
        iscrowd: whether it outlines a group; never counted as a miss.
        score: confidence in [0, 1] of a predicted thing; 1 for ground truth and stuff.
    """

    id: int
    category_id: int
    iscrowd: bool = False
    score: float = 1.0


@dataclass(frozen=True)
class PanopticMap:
    """Segment ids of an image and what they are.

    Args:
        ids: `h w`, `VOID` where nothing is.
        segments: one entry for each id other than `VOID`.
    """

    ids: Int[np.ndarray, "h w"]
    segments: tuple[Segment, ...]
