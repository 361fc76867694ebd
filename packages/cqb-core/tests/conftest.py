"""Drawn data and small networks that several tests share."""

import os
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

import cqb_core.registry  # noqa: F401
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.testing import (
    HERE,
    WIDTHS,
    drawn,
    losses_of,
    mixed_batch,
    tiny_model,
    tiny_network,
    train_set,
    write_labels,
)
from cqb_core.training import train

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
    return drawn(tmp_path_factory.mktemp("scenes"), crowd=0.4)


@pytest.fixture(scope="session")
def scene_index(scenes):
    return read_split(find_split(scenes, "train"))


@pytest.fixture
def assigned(scenes, tmp_path):
    """Write an assignment that gives the images, in order, the label sets named; the others none."""
    return lambda *names: write_labels(scenes, names, tmp_path / "labels.json")


@pytest.fixture
def dataset(scenes):
    """A function that builds the data set of the scenes' train split."""
    return lambda assignment=None, **changes: train_set(scenes, assignment, **changes)


@pytest.fixture
def model_config():
    return tiny_model()


@pytest.fixture
def build():
    """A function that builds the network with weights from a seed."""
    return tiny_network


@pytest.fixture
def batch(scenes, tmp_path):
    """A function from label set names to a collated batch of as many scenes, not augmented at random."""
    return lambda *names: mixed_batch(scenes, names, tmp_path / "labels.json")


@pytest.fixture
def losses():
    """A function that gives the losses of a network on a batch, always with the same random sampling."""
    return losses_of


TINY = {
    **WIDTHS,
    **HERE,
    "train_cfg.max_epochs": 2,
    "train_cfg.val_interval": 1,
    "train_dataloader.batch_size": 4,
    "train_dataloader.dataset.pipeline.2.scale": (64, 64),
    "param_scheduler.0.end": 2,
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
