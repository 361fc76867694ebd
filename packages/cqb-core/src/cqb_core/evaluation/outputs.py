"""From mmdet's predictions to panoptic maps and detections in the data set's own categories."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int
from mmdet.structures import INSTANCE_OFFSET

from cqb_core.evaluation.average_precision import Detections
from cqb_core.segments import PanopticMap, Segment
from cqb_core.taxonomy import Taxonomy


def panoptic_map(coded: Int[np.ndarray, "h w"], taxonomy: Taxonomy) -> PanopticMap:
    """Decode a fused map.

    Args:
        coded: class + `INSTANCE_OFFSET` x instance at every pixel; class t+s is void.
        taxonomy: the classes.

    Returns:
        ids 1..n in ascending order of the codes.
    """
    codes, places = np.unique(coded, return_inverse=True)
    classes = codes % INSTANCE_OFFSET
    known = classes < len(taxonomy.categories)
    ids = np.where(known, np.cumsum(known), 0).astype(np.int32)
    segments = tuple(
        Segment(int(segment), taxonomy.categories[label].id)
        for segment, label in zip(ids[known], classes[known], strict=True)
    )
    return PanopticMap(ids[places.reshape(coded.shape)], segments)


def detections(found: Mapping[str, Any], taxonomy: Taxonomy) -> Detections:
    """The things of one image.

    Args:
        found: `pred_instances`: bboxes `n 4`, scores `n`, labels `n` and, optionally, masks `n h w`, as tensors.
        taxonomy: the classes.
    """
    published = np.array([category.id for category in taxonomy.things], dtype=np.int64)
    masks = found.get("masks")
    return Detections(
        boxes=found["bboxes"].cpu().numpy(),
        scores=found["scores"].cpu().numpy(),
        category_ids=published[found["labels"].cpu().numpy()],
        masks=None if masks is None else masks.cpu().numpy().astype(bool),
    )
