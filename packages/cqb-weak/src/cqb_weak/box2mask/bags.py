"""Which rows and columns of a proposal meet its ground-truth box: the bags of Hsu et al. 2019, section 3.2."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cqb_weak.form import Form
from cqb_weak.values import Values

_FORM = Form("rois: floating n 4", "gt_boxes: floating n 4")
_FINE = 5  # pycocotools draws polygons on a grid five times as fine


def bags(
    rois: Float[Tensor, "n 4"], gt_boxes: Float[Tensor, "n 4"], size: tuple[int, int]
) -> tuple[Bool[Tensor, "n h"], Bool[Tensor, "n w"]]:
    """Rows and columns of an h x w grid laid over each RoI that hold cells of the RoI's ground-truth box.

    A cell is in the box when pycocotools, with which the public code of the paper draws boxes, fills it: its centre
    lies in the box whose edges were rounded to fifths of a cell. A box that covers no cell of its RoI leaves all bags
    negative.

    Args:
        rois: xyxy in pixels, may reach beyond the image, each wider and higher than 0.
        gt_boxes: the box that each RoI is matched with, xyxy in the same pixels.
        size: (h, w), the cells of a mask.

    Raises:
        TypeError, ValueError: naming the argument whose type, shape, device or box is wrong.
    """
    _FORM.check(rois, gt_boxes)
    values = Values()
    values.boxes(rois=rois, gt_boxes=gt_boxes)
    values.check()
    return box_bags(rois, gt_boxes, size)


def box_bags(
    rois: Float[Tensor, "n 4"], gt_boxes: Float[Tensor, "n 4"], size: tuple[int, int]
) -> tuple[Bool[Tensor, "n h"], Bool[Tensor, "n w"]]:
    """`bags` without its checks."""
    height, width = size
    precision = torch.promote_types(rois.dtype, torch.float32)
    rois, gt_boxes = rois.to(precision), gt_boxes.to(precision)
    cells = rois.new_tensor([width, height])
    scale = cells / (rois[:, 2:] - rois[:, :2])
    x0, y0 = _fifths((gt_boxes[:, :2] - rois[:, :2]) * scale, cells)
    x1, y1 = _fifths((gt_boxes[:, 2:] - rois[:, :2]) * scale, cells)
    rows, cols = _covered(y0, y1, height), _covered(x0, x1, width)
    return rows & cols.any(-1, keepdim=True), cols & rows.any(-1, keepdim=True)


def _fifths(edges: Float[Tensor, "n 2"], cells: Float[Tensor, " 2"]) -> tuple[Tensor, ...]:
    return torch.floor(torch.minimum(edges.clamp(min=0), cells) * _FINE + 0.5).unbind(-1)


def _covered(low: Float[Tensor, " n"], high: Float[Tensor, " n"], cells: int) -> Bool[Tensor, "n cells"]:
    centres = torch.arange(cells, device=low.device) * _FINE + _FINE // 2
    return (low[:, None] <= centres) & (high[:, None] > centres)
