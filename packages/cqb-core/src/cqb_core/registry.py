"""Importing this makes cqb-core known to mmdet: `custom_imports = dict(imports=["cqb_core.registry"])` in a config."""

from cqb_core.quiet import hushed

with hushed():
    from cqb_core.data.dataset import MixedLabelDataset
    from cqb_core.data.draws import SeededBatchSampler
    from cqb_core.data.sampler import LabelShareBatchSampler
    from cqb_core.data.transforms import LoadOwnedLabels, LoadPhoto, PackOwnedLabels
    from cqb_core.evaluation.evaluator import PanopticEvaluator
    from cqb_core.models.cascade import RoutedCascadeRoIHead
    from cqb_core.models.efficientnet_lite import EfficientNetLite0
    from cqb_core.models.fine_semantic_head import DetailFPN, FineSemanticHead
    from cqb_core.models.fused_mask_head import FusedMaskHead
    from cqb_core.models.panoptic_cascade import PanopticCascade
    from cqb_core.models.preprocessor import MixedLabelPreprocessor
    from cqb_core.training.checkpoints import WholeCheckpointHook
    from cqb_core.training.clipping import ApartClippingHook
    from cqb_core.training.finite_loss import FiniteLossHook
    from cqb_core.training.plain_checkpoint import PlainCheckpointHook
    from cqb_core.training.progress import ProgressHook
    from cqb_core.training.resumable import ResumableTrainLoop, StepSeedHook

__all__ = [
    "ApartClippingHook",
    "DetailFPN",
    "EfficientNetLite0",
    "FineSemanticHead",
    "FiniteLossHook",
    "FusedMaskHead",
    "LabelShareBatchSampler",
    "LoadOwnedLabels",
    "LoadPhoto",
    "MixedLabelDataset",
    "MixedLabelPreprocessor",
    "PackOwnedLabels",
    "PanopticCascade",
    "PanopticEvaluator",
    "PlainCheckpointHook",
    "ProgressHook",
    "ResumableTrainLoop",
    "RoutedCascadeRoIHead",
    "SeededBatchSampler",
    "StepSeedHook",
    "WholeCheckpointHook",
]
