"""Drawn data and small networks that several tests share."""

import copy
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope

import cqb_core.registry  # noqa: F401
from cqb_core import Labels
from cqb_core.assignment import Assignment
from cqb_core.data.panoptic_files import find_split, fingerprint, read_split
from cqb_core.scenes import SceneStyle, write_scenes
from cqb_core.training import load_config, train

SHARED = Path(os.environ.get("CQB_DATA", Path(__file__).parents[3].parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data():
    """A function from a folder's name to the real data at hand."""

    def folder(name):
        if not (SHARED / name).is_dir():
            pytest.skip(f"no {name}: set CQB_DATA to a folder that has it")
        return SHARED / name

    return folder


@pytest.fixture(autouse=True)
def mmdet_scope():
    with DefaultScope.overwrite_default_scope("mmdet"):
        yield


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Eight scenes to train on, three to evaluate on, with crowds in some."""
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, train=8, val=3, style=SceneStyle(size=(64, 64), crowd=0.4), seed=1)
    return root


@pytest.fixture(scope="session")
def scene_index(scenes):
    return read_split(find_split(scenes, "train"))


@pytest.fixture
def assigned(scenes, scene_index, tmp_path):
    """Write an assignment that gives the images, in order, the label sets named; the others none."""

    def write(*names):
        sets = {}
        for place, entry in enumerate(scene_index.entries):
            sets.setdefault(Labels.parse(names[place] if place < len(names) else "none"), []).append(entry.image_id)
        shares = {owned: len(ids) / len(scene_index.entries) for owned, ids in sets.items()}
        made = Assignment({o: tuple(i) for o, i in sets.items()}, shares, 0, fingerprint(scene_index))
        made.write(tmp_path / "labels.json")
        return tmp_path / "labels.json"

    return write


@pytest.fixture
def dataset(scenes):
    """A function that builds the data set of the scenes' train split."""

    def build(assignment=None, **changes):
        config = copy.deepcopy(load_config("panoptic-cascade_tiny_scenes").train_dataloader.dataset)
        config.update({"data_root": str(scenes), "assignment": assignment, **changes})
        return DATASETS.build(config)

    return build


@pytest.fixture
def model_config():
    """The tiny network, made tinier and deterministic: batch norm in evaluation mode, samplers that take all."""
    model = load_config("panoptic-cascade_tiny_scenes").model
    model.backbone.update(base_channels=8, norm_eval=True)
    model.neck.update(in_channels=[8, 16, 32, 64], out_channels=16)
    model.rpn_head.update(in_channels=16, feat_channels=16)
    model.semantic_head.update(in_channels=16, inner_channels=16)
    roi = model.roi_head
    for part in (roi.bbox_roi_extractor, roi.mask_roi_extractor):
        part.out_channels = 16
    roi.bbox_head.update(in_channels=16, fc_out_channels=32)
    roi.mask_head.update(in_channels=16, conv_out_channels=16)
    model.train_cfg.rpn.sampler.num = model.train_cfg.rcnn.sampler.num = 100_000
    model.train_cfg.rpn_proposal.update(nms_pre=100, max_per_img=40)
    return model


@pytest.fixture
def build(model_config):
    """A function that builds the network with weights from a seed."""

    def network(**changes):
        torch.manual_seed(0)
        return MODELS.build({**copy.deepcopy(model_config), **changes}).train()

    return network


@pytest.fixture
def batch(dataset, assigned):
    """A function from label set names to a collated batch of as many scenes, not augmented at random."""

    def collate(*names):
        pipeline = [
            {"type": "LoadPhoto"},
            {"type": "LoadOwnedLabels"},
            {"type": "Resize", "scale": (64, 64), "keep_ratio": True},
            {"type": "PackOwnedLabels"},
        ]
        data = dataset(assigned(*names), pipeline=pipeline)
        return pseudo_collate([data[place] for place in range(len(data))])

    return collate


@pytest.fixture
def losses():
    """A function that gives the losses of a network on a batch, always with the same random sampling."""

    def compute(network, collated, seed=3):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 mmdet's samplers draw from the global generator
        data = network.data_preprocessor(copy.deepcopy(collated), True)
        made = network.loss(data["inputs"], data["data_samples"])
        return {name: sum(v.sum() for v in value) if isinstance(value, list) else value for name, value in made.items()}

    return compute


TINY = {
    "model.backbone.base_channels": 8,
    "model.neck.in_channels": [8, 16, 32, 64],
    "model.neck.out_channels": 16,
    "model.rpn_head.in_channels": 16,
    "model.rpn_head.feat_channels": 16,
    "model.semantic_head.in_channels": 16,
    "model.semantic_head.inner_channels": 16,
    "model.roi_head.bbox_roi_extractor.out_channels": 16,
    "model.roi_head.mask_roi_extractor.out_channels": 16,
    "model.roi_head.bbox_head.in_channels": 16,
    "model.roi_head.bbox_head.fc_out_channels": 32,
    "model.roi_head.mask_head.in_channels": 16,
    "model.roi_head.mask_head.conv_out_channels": 16,
    "model.test_cfg.rpn.max_per_img": 20,
    "train_cfg.max_epochs": 2,
    "train_cfg.val_interval": 1,
    "train_dataloader.batch_size": 4,
    "train_dataloader.dataset.pipeline.2.scale": (64, 64),
    "param_scheduler.0.end": 2,
    **{
        f"{loader}_dataloader.{name}": value
        for loader in ("train", "val", "test")
        for name, value in (("num_workers", 0), ("persistent_workers", False))
    },
    **{f"{loader}_dataloader.dataset.pipeline.1.scale": (64, 64) for loader in ("val", "test")},
}
"""Overrides that make the config of scenes train in seconds."""


@pytest.fixture(scope="session")
def tiny():
    return dict(TINY)


@pytest.fixture(scope="session")
def trained(scenes, tmp_path_factory):
    """The folder of a training of two epochs of two steps, validated after each."""
    out = tmp_path_factory.mktemp("runs") / "trained"
    train("panoptic-cascade_tiny_scenes", scenes, out, options=TINY, progress=False)
    return out
