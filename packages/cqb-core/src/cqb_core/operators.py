"""NMS and RoIAlign for an mmcv without compiled operators, computed by torchvision.

`mmcv.ops` takes its kernels from a module `mmcv._ext` that has to be compiled for one torch and one CUDA. Where it was
not, `install` registers a module of that name: detectors of two-stage and panoptic networks work, on CPU and CUDA, and
every other kernel fails when it is called, with the way to get it.

This file is imported with the package, so torch is imported inside the functions and tensors have no shapes in the
signatures; the shapes stand in the docstrings.
"""

import sys
from collections.abc import Callable
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import torch

_NAME = "mmcv._ext"


def install() -> bool:
    """Register the replacement of `mmcv._ext`, unless mmcv has compiled operators; imports neither mmcv nor torch.

    Call it before the first import of `mmcv.ops`.

    Returns:
        True when the replacement was registered by this call. False when mmcv has its own operators, when some
        `mmcv._ext` is registered already, and when there is no mmcv.
    """
    if _NAME in sys.modules:
        return False
    mmcv = find_spec("mmcv")
    if mmcv is None or PathFinder.find_spec(_NAME, mmcv.submodule_search_locations) is not None:
        return False
    sys.modules[_NAME] = _TorchvisionOperators()
    return True


class _TorchvisionOperators(ModuleType):
    """Stands in for `mmcv._ext`: has every name, and raises when one that torchvision lacks is called."""

    def __init__(self) -> None:
        super().__init__(_NAME, __doc__)
        self.__spec__ = ModuleSpec(_NAME, loader=None, origin=__name__)
        self.nms = nms
        self.roi_align_forward = roi_align_forward
        self.roi_align_backward = roi_align_backward

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith("__"):
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")
        return partial(_refuse, name)


def _refuse(operator: str, *args: object, **kwargs: object) -> NoReturn:
    raise RuntimeError(
        f"mmcv operator {operator} is not available: this mmcv has no compiled operators, and cqb-core replaces only "
        "nms, roi_align_forward and roi_align_backward (average pooling). To compile them for the installed torch "
        "(needs a C++ compiler, setuptools>=77 and up to half an hour): MMCV_WITH_OPS=1 pip install --force-reinstall "
        "--no-deps --no-build-isolation --no-binary onedl-mmcv onedl-mmcv"
    )


def nms(boxes: "torch.Tensor", scores: "torch.Tensor", iou_threshold: float, offset: int) -> "torch.Tensor":
    """Greedy non-maximum suppression; a box is dropped when its IoU with a kept, better one is above the threshold.

    Args:
        boxes: `n 4`, xyxy in pixels.
        scores: `n`; of equal scores the first is the better one.
        iou_threshold: in [0, 1].
        offset: added to widths and heights: 0, or 1 for boxes whose far edge is inclusive.

    Returns:
        `k` int64, the kept boxes from the best to the worst.
    """
    import torchvision

    dtype = _computed_in(boxes)
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    return torchvision.ops.nms(boxes, scores, iou_threshold)  # type: ignore[no-any-return]


def roi_align_forward(
    features: "torch.Tensor",
    rois: "torch.Tensor",
    output: "torch.Tensor",
    argmax_y: "torch.Tensor",
    argmax_x: "torch.Tensor",
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """RoIAlign (He et al. 2017, section 3) into `output`; arguments are those of mmcv's kernel.

    Args:
        features: `b c h w`.
        rois: `n 5`, index of the image and xyxy in pixels of the image.
        output: `n c aligned_height aligned_width`, overwritten.
        argmax_y: unused, empty.
        argmax_x: unused, empty.
        aligned_height: cells of a RoI from top to bottom.
        aligned_width: cells of a RoI from left to right.
        spatial_scale: size of the features over that of the image.
        sampling_ratio: samples a cell in each direction; 0 takes one a feature pixel.
        pool_mode: 1, the average of the samples; 0, their maximum, raises RuntimeError.
        aligned: shift by half a pixel, so that a pixel's value stands at its centre.
    """
    import torch
    import torchvision  # noqa: F401 (registers the operator)

    _check_average(pool_mode, "roi_align_forward")
    dtype = _computed_in(features)
    pooled = torch.ops.torchvision.roi_align(
        features.to(dtype), rois.to(dtype), spatial_scale, aligned_height, aligned_width, sampling_ratio, aligned
    )
    output.copy_(pooled)


def roi_align_backward(
    grad_output: "torch.Tensor",
    rois: "torch.Tensor",
    argmax_y: "torch.Tensor",
    argmax_x: "torch.Tensor",
    grad_input: "torch.Tensor",
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """The gradient of `roi_align_forward` for the features, into `grad_input` (`b c h w`, overwritten).

    `grad_output` is `n c aligned_height aligned_width`; the other arguments are those of `roi_align_forward`.
    """
    import torch
    import torchvision  # noqa: F401 (registers the operator)

    _check_average(pool_mode, "roi_align_backward")
    dtype = _computed_in(grad_output)
    cells = (aligned_height, aligned_width)
    gradient = torch.ops.torchvision._roi_align_backward(
        grad_output.to(dtype), rois.to(dtype), spatial_scale, *cells, *grad_input.shape, sampling_ratio, aligned
    )
    grad_input.copy_(gradient)


def _check_average(pool_mode: int, operator: str) -> None:
    if pool_mode != 1:
        _refuse(f"{operator} with pool_mode='max'")


def _computed_in(values: "torch.Tensor") -> "torch.dtype":
    """float32, or float64 for such values: torchvision has no bfloat16, and half boxes lose pixels beyond 2048."""
    import torch

    return torch.promote_types(values.dtype, torch.float32)
