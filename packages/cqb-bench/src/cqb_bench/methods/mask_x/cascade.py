"""The cascade whose mask heads read the weights of the box heads beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.registry import MODELS
from torch import Tensor

from cqb_bench.methods.mask_x.head import detector_weights
from cqb_core.models.cascade import RoutedCascadeRoIHead


@MODELS.register_module()
class MaskXCascadeRoIHead(RoutedCascadeRoIHead):
    """cqb-core's cascade with a `MaskXHead` in every stage.

    Args:
        kwargs: those of `RoutedCascadeRoIHead`; `mask_head` is a config of `MaskXHead` without `detector_dim`, or a
            list of them.
    """

    def init_mask_head(self, mask_roi_extractor: Any, mask_head: Mapping[str, Any] | Sequence[Any]) -> None:
        """Build the mask heads, each for the box head of its stage."""
        heads = [mask_head] * self.num_stages if isinstance(mask_head, Mapping) else mask_head
        fitted = [
            {**head, "detector_dim": detector_weights(box_head).shape[1]}
            for head, box_head in zip(heads, self.bbox_head, strict=True)
        ]
        super().init_mask_head(mask_roi_extractor, fitted)

    def _mask_forward(self, stage: int, x: tuple[Tensor, ...], rois: Tensor) -> dict[str, Tensor]:
        extractor = self.mask_roi_extractor[stage]
        features = extractor(x[: extractor.num_inputs], rois)
        return {"mask_preds": self.mask_head[stage](features, detector_weights(self.bbox_head[stage]))}
