"""The network, and the seam that modules of other packages plug into."""

from cqb_core.models.auxiliary import (
    UNSAMPLED,
    Enhanced,
    Host,
    ImageLabels,
    Losses,
    Mean,
    SemanticAuxiliary,
    SemanticView,
    StageAuxiliary,
    StageView,
)

__all__ = [
    "UNSAMPLED",
    "Enhanced",
    "Host",
    "ImageLabels",
    "Losses",
    "Mean",
    "SemanticAuxiliary",
    "SemanticView",
    "StageAuxiliary",
    "StageView",
]
