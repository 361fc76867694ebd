"""Cls2Box, Cls2Pixel and Box2Mask: learn detection and segmentation from cheaper labels, in any detector."""

from cqb_weak.box2mask import Box2Mask, Box2MaskLoss, bags, structure_loss, tightness_loss
from cqb_weak.cls2box import Cls2Box, Cls2BoxLoss, MIDHead, cls2box_loss, image_scores, mid_scores
from cqb_weak.cls2pixel import (
    ClassBranch,
    Cls2Pixel,
    Cls2PixelLoss,
    class_activation_maps,
    dense_energy,
    reliable_labels,
)

__all__ = [
    "Box2Mask",
    "Box2MaskLoss",
    "ClassBranch",
    "Cls2Box",
    "Cls2BoxLoss",
    "Cls2Pixel",
    "Cls2PixelLoss",
    "MIDHead",
    "bags",
    "class_activation_maps",
    "cls2box_loss",
    "dense_energy",
    "image_scores",
    "mid_scores",
    "reliable_labels",
    "structure_loss",
    "tightness_loss",
]
