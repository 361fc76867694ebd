"""Panoptic FPN with a cascade that trains on images with mixed labels.

Importing the package lets mmcv run without compiled operators (`cqb_core.operators`) and is quick: what needs torch
lives in `cqb_core.data`, `cqb_core.models`, `cqb_core.training`, `cqb_core.evaluation` and `cqb_core.prediction`.
"""

from cqb_core import operators
from cqb_core._version import __version__
from cqb_core.assignment import Assignment, assign, parse_allocation
from cqb_core.errors import InputError
from cqb_core.labels import Labels
from cqb_core.segments import VOID, PanopticMap, Segment
from cqb_core.taxonomy import IGNORE, Category, Taxonomy

operators.install()

__all__ = [
    "IGNORE",
    "VOID",
    "Assignment",
    "Category",
    "InputError",
    "Labels",
    "PanopticMap",
    "Segment",
    "Taxonomy",
    "__version__",
    "assign",
    "parse_allocation",
]
