"""The walk of cqb-net's README, as a newcomer takes it."""

import json
import subprocess
import sys

import pytest
import torch

from cqb_core.mmdet_tools import find_tool
from cqb_core.plugins import config_files

NAME = "panoptic-cascade_tiny_scenes"


@pytest.mark.parametrize("name", [NAME, "cqb-net_tiny_scenes"])
def test_scenes_check_assign_train_resume_evaluate_predict(name, run, tiny_options, tmp_path):
    data, labels, out = tmp_path / "scenes", tmp_path / "labels.json", tmp_path / "run"
    status, said, _ = run("data", "scenes", data, "--train", 8, "--val", 3)
    assert (status, said) == (0, f"8 train and 3 val images in {data}\n")

    assert run("data", "check", data, "--workers", 1)[0] == 0

    status, said, _ = run("data", "assign", data, "--ratio", "P=0.5,B=0.25,I=0.25", "-o", labels)
    assert (status, said) == (0, f"{labels}: P 4, B 2, I 2 of 8 images\n")

    call = ["train", name, "--data", data, "--labels", labels, "--out", out, *tiny_options]
    status, said, err = run(*call)
    assert (status, said) == (0, f"trained: {out / 'epoch_1.pth'}\n")
    shown = [line.partition(" in ")[0] for line in err.splitlines()[:2]]
    assert shown == ["check train: 8 of 8", "check val: 3 of 3"]
    assert [line.partition(":")[0] for line in err.splitlines()[2:]] == ["epoch 1 of 1", "epoch 1 of 1"]

    status, said, err = run(*call, "--resume", "--epochs", "2")
    assert (status, said) == (0, f"trained: {out / 'epoch_2.pth'}\n")
    assert err.startswith("epoch 2 of 2: loss ")

    scores = tmp_path / "scores.json"
    status, said, err = run("evaluate", out, "--data", data, "--out", scores)
    assert (status, err) == (0, "")
    assert "3 images, percent" in said
    assert "% interval" in said
    assert json.loads(scores.read_text())["images"] == 3

    # In a process of its own: what training leaves behind in this one must not be needed.
    call = [sys.executable, "-m", "cqb_net.main", "predict", out, data / "val", "--out", tmp_path / "found"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("predict: 3 of 3 in ")
    assert len(list((tmp_path / "found" / "overlay").glob("*.png"))) == 3


@pytest.fixture(scope="module")
def tool_options(tiny_scenes):
    pairs = {
        "model.backbone.base_channels": 8,
        "model.neck.in_channels": "[8,16,32,64]",
        "data_root": tiny_scenes,
        "train_cfg.max_epochs": 1,
        "test_evaluator.ann_file": tiny_scenes / "annotations" / "panoptic_val.json",
        "test_evaluator.seg_prefix": tiny_scenes / "annotations" / "panoptic_val",
        "val_evaluator.ann_file": tiny_scenes / "annotations" / "panoptic_val.json",
        "val_evaluator.seg_prefix": tiny_scenes / "annotations" / "panoptic_val",
    }
    for loader in ("train", "val", "test"):
        pairs |= {
            f"{loader}_dataloader.dataset.data_root": f"{tiny_scenes}/",
            f"{loader}_dataloader.num_workers": 0,
            f"{loader}_dataloader.persistent_workers": False,
        }
    return ["--cfg-options", *(f"{key}={value}" for key, value in pairs.items())]


@pytest.fixture(scope="module")
def tiny_scenes(tmp_path_factory):
    from cqb_core.scenes import SceneStyle, write_scenes

    root = tmp_path_factory.mktemp("tools") / "scenes"
    write_scenes(root, train=8, val=2, style=SceneStyle(size=(64, 64)))
    return root


@pytest.mark.parametrize("name", [NAME, "cqb-net_tiny_scenes"])
def test_mmdet_s_own_tools_train_and_test(name, tool_options, tmp_path):
    config = config_files()[name]
    call = [sys.executable, find_tool("train"), config, "--work-dir", tmp_path, *tool_options]
    done = subprocess.run(list(map(str, call)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = torch.load(tmp_path / "epoch_1.pth", weights_only=True)
    assert content["meta"]["epoch"] == 1
    assert content["categories"]

    module = [sys.executable, "-m", "cqb_core.mmdet_tools", "test"]
    call = [*module, config, tmp_path / "epoch_1.pth", "--work-dir", tmp_path / "test", *tool_options]
    done = subprocess.run(list(map(str, call)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (scores,) = (tmp_path / "test").glob("*/*.json")
    assert {"PQ", "box_AP", "mask_AP", "mIoU"} <= json.loads(scores.read_text()).keys()
