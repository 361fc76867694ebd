"""Networks that train in seconds and drawn batches of mixed labels: what the tests of an auxiliary need.

root = drawn(tmp_path)
network = tiny_network(auxiliaries=[{"type": "MyAuxiliary"}])
losses = losses_of(network, mixed_batch(root, ["P", "B", "I"], tmp_path / "labels.json"))
"""

import copy
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch import Tensor

from cqb_core.assignment import Assignment
from cqb_core.data.panoptic_files import find_split, fingerprint, read_split
from cqb_core.labels import Labels
from cqb_core.plugins import register
from cqb_core.scenes import SceneStyle, write_scenes
from cqb_core.training.config import load_config, override

SIZE = 64
"""Side of the drawn images in pixels."""

WIDTHS: dict[str, Any] = {
    "model.backbone.base_channels": 8,
    "model.neck.in_channels": [8, 16, 32, 64],
    "model.neck.out_channels": 16,
    "model.rpn_head.in_channels": 16,
    "model.rpn_head.feat_channels": 16,
    "model.semantic_head.in_channels": 16,
    "model.semantic_head.inner_channels": 16,
    "model.semantic_head.norm_cfg.num_groups": 4,
    "model.roi_head.bbox_roi_extractor.out_channels": 16,
    "model.roi_head.mask_roi_extractor.out_channels": 16,
    "model.roi_head.bbox_head.in_channels": 16,
    "model.roi_head.bbox_head.fc_out_channels": 32,
    "model.roi_head.mask_head.in_channels": 16,
    "model.roi_head.mask_head.conv_out_channels": 16,
    "model.train_cfg.rpn_proposal.max_per_img": 50,
    "model.test_cfg.rpn.max_per_img": 20,
}
"""Overrides that make any config with a ResNet thin."""

HERE: dict[str, Any] = {
    f"{loader}_dataloader.{name}": value
    for loader in ("train", "val", "test")
    for name, value in (("num_workers", 0), ("persistent_workers", False))
}
"""Overrides that load data in the training's own process."""


def drawn(root: str | PathLike[str], train: int = 8, val: int = 3, crowd: float = 0.0) -> Path:
    """Draw small scenes under `root`, in COCO panoptic layout, and give it back."""
    write_scenes(root, train=train, val=val, style=SceneStyle(size=(SIZE, SIZE), crowd=crowd), seed=1)
    return Path(root)


def tiny_model(name: str = "panoptic-cascade_tiny_scenes") -> ConfigDict:
    """Model of a config for scenes, thin and deterministic: batch norm does not adapt, samplers take all."""
    config = load_config(name)
    override(config, WIDTHS)
    model = config.model
    model.backbone.norm_eval = True
    model.train_cfg.rpn.sampler.num = model.train_cfg.rcnn.sampler.num = 100_000
    model.train_cfg.rpn_proposal.update(nms_pre=100, max_per_img=40)
    return model


def tiny_network(name: str = "panoptic-cascade_tiny_scenes", **changes: Any) -> Any:
    """The network of `tiny_model`, in training mode, weights from seed 0; `changes` replace entries of its config."""
    register()
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmdet"):
        return MODELS.build({**copy.deepcopy(tiny_model(name)), **changes}).train()


def write_labels(root: str | PathLike[str], names: Sequence[str], path: str | PathLike[str]) -> Path:
    """Write an assignment that gives the drawn train images, in order, the label sets named; the others none."""
    index = read_split(find_split(root, "train"))
    sets: dict[Labels, list[int]] = {}
    for place, entry in enumerate(index.entries):
        sets.setdefault(Labels.parse(names[place] if place < len(names) else "none"), []).append(entry.image_id)
    shares = {owned: len(ids) / len(index.entries) for owned, ids in sets.items()}
    Assignment({o: tuple(ids) for o, ids in sets.items()}, shares, 0, fingerprint(index)).write(path)
    return Path(path)


def train_set(root: str | PathLike[str], labels: str | PathLike[str] | None = None, **changes: Any) -> Any:
    """The drawn train images as the config for scenes reads them; `changes` replace entries of that config."""
    register()
    config = copy.deepcopy(load_config("panoptic-cascade_tiny_scenes").train_dataloader.dataset)
    config.update({"data_root": str(root), "assignment": None if labels is None else str(labels), **changes})
    with DefaultScope.overwrite_default_scope("mmdet"):
        return DATASETS.build(config)


def mixed_batch(root: str | PathLike[str], names: Sequence[str], labels: str | PathLike[str]) -> dict[str, Any]:
    """A collated batch of the images that own something, not augmented at random.

    Args:
        root: of the drawn images.
        names: the label sets of the first images, see `write_labels`.
        labels: where to write the assignment.
    """
    pipeline = [
        {"type": "LoadPhoto"},
        {"type": "LoadOwnedLabels"},
        {"type": "Resize", "scale": (SIZE, SIZE), "keep_ratio": True},
        {"type": "PackOwnedLabels"},
    ]
    data = train_set(root, write_labels(root, names, labels), pipeline=pipeline)
    batch: dict[str, Any] = pseudo_collate([data[place] for place in range(len(data))])
    return batch


def losses_of(network: Any, batch: dict[str, Any], seed: int = 3) -> dict[str, Tensor]:
    """Losses of a network on a batch, always with the same random sampling; lists of a loss are summed."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 mmdet's samplers draw from the global generator
    data = network.data_preprocessor(copy.deepcopy(batch), True)
    made = network.loss(data["inputs"], data["data_samples"])
    return {name: sum(v.sum() for v in value) if isinstance(value, list) else value for name, value in made.items()}
