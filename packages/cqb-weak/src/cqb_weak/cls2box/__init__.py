"""Cls2Box: a detector learns where things are from image tags alone."""

from cqb_weak.cls2box.head import MIDHead
from cqb_weak.cls2box.image_scores import detector_probabilities, image_scores
from cqb_weak.cls2box.loss import Cls2BoxLoss, cls2box_loss
from cqb_weak.cls2box.mid import mid_scores, segment_softmax
from cqb_weak.cls2box.module import Cls2Box
from cqb_weak.cls2box.refinement import PseudoLabels, pseudo_labels, refinement_loss

__all__ = [
    "Cls2Box",
    "Cls2BoxLoss",
    "MIDHead",
    "PseudoLabels",
    "cls2box_loss",
    "detector_probabilities",
    "image_scores",
    "mid_scores",
    "pseudo_labels",
    "refinement_loss",
    "segment_softmax",
]
