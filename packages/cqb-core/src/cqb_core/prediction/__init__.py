"""Panoptic maps of images that nobody has labelled."""

from cqb_core.prediction.overlay import draw_overlay
from cqb_core.prediction.run import find_images, predict, predict_image

__all__ = ["draw_overlay", "find_images", "predict", "predict_image"]
