"""Cls2Pixel: a segmentation that learns from image tags (Du et al., AAAI 2021, after RRM, AAAI 2020)."""

from cqb_weak.cls2pixel.activation import class_activation_maps, multi_scale_maps, normalised
from cqb_weak.cls2pixel.class_branch import ClassBranch
from cqb_weak.cls2pixel.energy import DenseEnergy, dense_energy
from cqb_weak.cls2pixel.loss import Cls2PixelLoss, absent_loss, pseudo_loss, tag_loss
from cqb_weak.cls2pixel.mean_field import DenseCrf, mean_field
from cqb_weak.cls2pixel.module import Cls2Pixel
from cqb_weak.cls2pixel.reliable import IGNORE, Reliability, reliable_labels

__all__ = [
    "IGNORE",
    "ClassBranch",
    "Cls2Pixel",
    "Cls2PixelLoss",
    "DenseCrf",
    "DenseEnergy",
    "Reliability",
    "absent_loss",
    "class_activation_maps",
    "dense_energy",
    "mean_field",
    "multi_scale_maps",
    "normalised",
    "pseudo_loss",
    "reliable_labels",
    "tag_loss",
]
