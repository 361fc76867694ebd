"""Panoptic maps of images that nobody has labelled."""

from cqb_core.prediction.overlay import draw_overlay
from cqb_core.prediction.run import find_images, predict, predict_image
from cqb_core.prediction.sheet import draw_sheet

__all__ = ["draw_overlay", "draw_sheet", "find_images", "predict", "predict_image"]
