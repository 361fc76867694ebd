"""Padding for batches whose samples own different labels."""

from collections.abc import Sequence

from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample


@MODELS.register_module()
class MixedLabelPreprocessor(DetDataPreprocessor):
    """mmdet's preprocessor, which pads masks and maps of all samples or of none, applied to those that have them."""

    def pad_gt_masks(self, batch_data_samples: Sequence[DetDataSample]) -> None:
        """Pad the masks of the samples that own masks to the batch's size."""
        masked = [sample for sample in batch_data_samples if "masks" in sample.gt_instances]
        if masked:
            super().pad_gt_masks(masked)

    def pad_gt_sem_seg(self, batch_data_samples: Sequence[DetDataSample]) -> None:
        """Pad the semantic maps of the samples that own one to the batch's size."""
        mapped = [sample for sample in batch_data_samples if "gt_sem_seg" in sample]
        if mapped:
            super().pad_gt_sem_seg(mapped)
