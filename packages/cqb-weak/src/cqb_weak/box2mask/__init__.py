"""Box2Mask: learn instance masks from boxes alone (Du et al. 2021, section 3; Hsu et al. 2019)."""

from cqb_weak.box2mask.bags import bags
from cqb_weak.box2mask.colour import colour_alike, rgb_to_lab, roi_colours
from cqb_weak.box2mask.frames import narrow, widen
from cqb_weak.box2mask.loss import Box2MaskLoss
from cqb_weak.box2mask.module import Box2Mask
from cqb_weak.box2mask.structure import structure_loss
from cqb_weak.box2mask.tightness import tightness_loss

__all__ = [
    "Box2Mask",
    "Box2MaskLoss",
    "bags",
    "colour_alike",
    "narrow",
    "rgb_to_lab",
    "roi_colours",
    "structure_loss",
    "tightness_loss",
    "widen",
]
