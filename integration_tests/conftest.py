"""What tests across packages share: real data when it is at hand, the command, and networks that train in seconds."""

import os
from pathlib import Path

import pytest

from cqb_core.testing import HERE, WIDTHS, calling
from cqb_net.main import main

SHARED = Path(os.environ.get("CQB_DATA", Path(__file__).parents[1].parent / "shared" / "data"))

TINY = {
    "model.backbone": {
        "_delete_": True,
        "type": "ResNet",
        "depth": 18,
        "base_channels": 8,
        "num_stages": 4,
        "out_indices": (0, 1, 2, 3),
        "norm_cfg": {"type": "BN", "requires_grad": True},
        "norm_eval": False,
        "style": "pytorch",
    },
    **{key: value for key, value in WIDTHS.items() if not key.startswith("model.backbone")},
    **HERE,
    "train_cfg.max_epochs": 1,
    "train_cfg.val_interval": 1,
}
"""Overrides that make any of the configs train in seconds."""


@pytest.fixture(scope="session")
def tiny():
    return dict(TINY)


@pytest.fixture(scope="session")
def tiny_options():
    """The same as arguments of `cqb-net train`; the backbone, whose override is a dict, by its entries."""
    plain = {key: value for key, value in TINY.items() if key not in ("model.backbone", "train_cfg.max_epochs")}
    pairs = {"model.backbone.base_channels": 8, **plain}
    return ["--epochs", "1", *(word for key, value in pairs.items() for word in ("--set", f"{key}={value}"))]


@pytest.fixture(scope="session")
def real_data():
    """A function from a folder's name to the real data at hand."""

    def folder(name):
        if not (SHARED / name).is_dir():
            pytest.skip(f"no {name}: set CQB_DATA to a folder that has it")
        return SHARED / name

    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that calls `cqb-net` as a shell would and gives exit status, standard output and standard error."""
    return calling("cqb-net", main, monkeypatch, capsys)


@pytest.fixture
def subset(tmp_path):
    """A function that copies the first images of a COCO panoptic folder, by number a split."""
    import json
    import shutil

    def copy(source, counts, wanted=lambda image, annotation: True):
        from cqb_core.data.panoptic_files import find_split

        root = tmp_path / "subset"
        for name, count in counts.items():
            split = find_split(source, name)
            content = json.loads(split.annotation_file.read_text())
            annotations = {annotation["image_id"]: annotation for annotation in content["annotations"]}
            images = [image for image in content["images"] if wanted(image, annotations[image["id"]])][:count]
            kept = [annotations[image["id"]] for image in images]
            for folder, files in ((split.images_dir, images), (split.maps_dir, kept)):
                target = root / folder.relative_to(source)
                target.mkdir(parents=True)
                for entry in files:
                    shutil.copyfile(folder / entry["file_name"], target / entry["file_name"])
            path = root / split.annotation_file.relative_to(source)
            path.write_text(json.dumps({**content, "images": images, "annotations": kept}))
        return root

    return copy
