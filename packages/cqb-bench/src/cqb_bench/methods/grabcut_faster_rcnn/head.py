"""The cascade whose masks are cut out of the photograph, in the boxes that it has found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from cqb_bench.methods.grabcut_faster_rcnn.cut import GrabCut
from cqb_core.models import SemanticView
from cqb_core.models.cascade import RoutedCascadeRoIHead


@MODELS.register_module()
class GrabCutCascadeRoIHead(RoutedCascadeRoIHead):
    """cqb-core's cascade, trained as ever; at test GrabCut takes the place of the mask heads.

    The image is cut at the size that the boxes are wanted in: that of the photograph, whatever size the network sees.
    How each detection fared goes into the sample's `grabcut`.

    Args:
        grabcut: options of `GrabCut`.
        kwargs: those of `RoutedCascadeRoIHead`.
    """

    def __init__(self, *args: Any, grabcut: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.grabcut = GrabCut(**(grabcut or {}))

    def predict(
        self,
        x: tuple[Tensor, ...],
        proposals: Sequence[InstanceData],
        samples: Sequence[DetDataSample],
        rescale: bool = False,
        semantic: SemanticView | None = None,
    ) -> tuple[list[InstanceData], list[Tensor]]:
        """Detections with masks, see `RoutedCascadeRoIHead.predict`.

        Raises:
            ValueError: without `semantic`, which shows the pixels.
        """
        if semantic is None:
            raise ValueError("semantic: wanted the semantic branch's view of every image, for its pixels, got None")
        found, logits = super().predict(x, proposals, samples, False, semantic)
        pixels = dict(zip(semantic.index, semantic.pixels(), strict=True))
        return [
            self._cut(detected, sample, photo(pixels[place], sample, rescale), rescale)
            for place, (detected, sample) in enumerate(zip(found, samples, strict=True))
        ], logits

    def predict_mask(
        self,
        x: tuple[Tensor, ...],
        batch_img_metas: list[dict[str, Any]],
        results_list: list[InstanceData],
        rescale: bool = False,
    ) -> list[InstanceData]:
        """The boxes as they are: `predict` gives them their masks."""
        return results_list

    def _cut(
        self, detected: InstanceData, sample: DetDataSample, image: UInt8[np.ndarray, "h w 3"], rescale: bool
    ) -> InstanceData:
        if rescale:
            detected.bboxes = detected.bboxes / detected.bboxes.new_tensor(sample.scale_factor).repeat(2)
        cuts = [self.grabcut(image, box) for box in detected.bboxes.tolist()]
        none = np.zeros((0, *image.shape[:2]), dtype=bool)
        masks = np.concatenate([none, *(cut.paint(*image.shape[:2])[None] for cut in cuts)])
        detected.masks = torch.from_numpy(masks).to(detected.bboxes.device)
        sample.set_metainfo({"grabcut": dict(Counter(cut.outcome for cut in cuts))})
        return detected


def photo(pixels: Float[Tensor, "3 H W"], sample: DetDataSample, rescale: bool) -> UInt8[np.ndarray, "h w 3"]:
    """The network's input, 0..255, without its padding; with `rescale` at the size that the photograph had."""
    height, width = sample.img_shape
    image = pixels[:, :height, :width].permute(1, 2, 0).round().clamp(0, 255).byte().cpu().contiguous().numpy()
    wanted = tuple(sample.ori_shape) if rescale else (height, width)
    if wanted == image.shape[:2]:
        return np.asarray(image)
    how = cv2.INTER_AREA if wanted[0] < height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, wanted[::-1], interpolation=how))
