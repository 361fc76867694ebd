"""Checkpoints that carry code, are cut off, or are of another network: every command stops with one sentence of ours.

What a plant would do is to write a file; none may appear.
"""

import pickle
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope

from cqb_core.data.panoptic_files import find_split, read_taxonomy
from cqb_core.plugins import register
from cqb_core.scenes import SceneStyle, write_scenes
from cqb_core.training.config import fit_to_data, load_config, override

NAME = "cqb-net_tiny_scenes"
RUNS = "__import__('pathlib').Path('ran').touch()"


@pytest.fixture(scope="session")
def small_scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile") / "scenes"
    write_scenes(root, train=2, val=1, style=SceneStyle(size=(48, 48)), seed=3)
    return root


@pytest.fixture(scope="session")
def sound(small_scenes, tiny, tmp_path_factory):
    """What a checkpoint holds that no training has touched."""
    register()
    torch.manual_seed(0)
    config = load_config(NAME)
    override(config, {key: value for key, value in tiny.items() if not key.startswith("model.backbone")})
    override(config, {"model.backbone.base_channels": 8})
    splits = [find_split(small_scenes, name) for name in ("train", "val")]
    taxonomy = read_taxonomy(splits[0])
    fit_to_data(config, splits, taxonomy)
    with DefaultScope.overwrite_default_scope("mmdet"):
        weights = MODELS.build(config.model).state_dict()
    return {
        "state_dict": weights,
        "config": config.to_dict(),
        "categories": taxonomy.to_json(),
        "meta": {"epoch": 1, "iter": 1},
        "message_hub": {},
        "optimizer": {},
    }


@pytest.fixture
def checkpoint(sound, tmp_path, monkeypatch):
    """A function that writes a checkpoint after a change, as the last of a training; the test then stands beside it."""
    monkeypatch.chdir(tmp_path)

    def write(change=lambda content: None):
        content = {**pickle.loads(pickle.dumps({k: v for k, v in sound.items() if k != "state_dict"}))}
        content["state_dict"] = dict(sound["state_dict"])
        change(content)
        folder = tmp_path / "run"
        folder.mkdir()
        torch.save(content, folder / "epoch_1.pth")
        (folder / "last_checkpoint").write_text("epoch_1.pth")
        return folder

    return write


@pytest.fixture
def calls(small_scenes, tmp_path):
    """The three commands that read a checkpoint."""
    image = next((small_scenes / "val").iterdir())

    def arguments(folder):
        return {
            "evaluate": ("evaluate", folder, "--data", small_scenes, "--out", tmp_path / "scores.json"),
            "predict": ("predict", folder, image, "--out", tmp_path / "found"),
            "resume": ("train", NAME, "--data", small_scenes, "--out", folder, "--resume", "--no-check"),
        }

    return arguments


def sentence(run, *arguments):
    """What a command that must fail says."""
    status, _, err = run(*arguments)
    assert status == 1, err
    assert "Traceback" not in err
    said = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(said) == 1, err
    return said[0]


class Planted:
    """Unpickling it makes a folder `ran`."""

    def __reduce__(self):
        return Path.mkdir, (Path("ran"),)


@pytest.mark.parametrize("command", ["evaluate", "predict", "resume"])
def test_pickled_code_does_not_run(run, checkpoint, calls, command):
    folder = checkpoint(lambda content: content["meta"].update(note=Planted()))
    said = sentence(run, *calls(folder)[command])
    assert "epoch_1.pth: content: wanted a whole checkpoint of tensors and plain values, got an object of" in said
    assert not Path("ran").exists()
    torch.load(folder / "epoch_1.pth", weights_only=False)
    assert Path("ran").is_dir()


@pytest.mark.parametrize("command", ["evaluate", "predict", "resume"])
def test_a_checkpoint_that_was_cut_off_is_named(run, checkpoint, calls, command):
    file = checkpoint() / "epoch_1.pth"
    file.write_bytes(file.read_bytes()[:-3000])
    said = sentence(run, *calls(file.parent)[command])
    assert "epoch_1.pth: content: wanted a whole checkpoint of tensors and plain values, got" in said


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_weights_of_another_architecture_are_named(run, checkpoint, calls, command):
    def widen(content):
        content["config"]["model"]["neck"]["out_channels"] = 24

    said = sentence(run, *calls(checkpoint(widen))[command])
    assert "epoch_1.pth: " in said
    assert "state_dict: wanted the weights of the network in its config" in said or "that can be built" in said


def test_classes_of_another_data_set_are_named(run, checkpoint, calls):
    folder = checkpoint(lambda content: content["categories"][0].update(name="zeppelin"))
    said = sentence(run, *calls(folder)["evaluate"])
    assert "panoptic_val.json: categories: wanted those of the network epoch_1.pth, such as" in said
    assert "zeppelin" in said


@pytest.mark.parametrize("command", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("model", "test_cfg", "rcnn", "nms", "type"), RUNS),
        (("model", "backbone"), {"type": "os.mkdir", "path": "ran"}),
        (("model", "_scope_"), "visitor"),
        (("test_dataloader", "dataset", "proposal_file"), "planted.pkl"),
    ],
)
def test_a_stored_config_that_names_code_is_refused(run, checkpoint, calls, monkeypatch, command, place, value):
    def plant(content):
        entry = content["config"]
        for word in place[:-1]:
            entry = entry[word]
        entry[place[-1]] = value

    folder = checkpoint(plant)
    Path("visitor").mkdir()
    Path("visitor", "registry.py").write_text(RUNS)
    Path("planted.pkl").write_bytes(pickle.dumps([Planted()]))
    monkeypatch.syspath_prepend(Path.cwd())
    assert f"epoch_1.pth: config.{'.'.join(place[:3])}" in sentence(run, *calls(folder)[command])
    assert not Path("ran").exists()


def test_code_in_what_is_not_kept_does_not_run(run, checkpoint, calls, monkeypatch, tmp_path):
    """The sections that evaluation makes anew: the network scores as if they were not there."""

    def plant(content):
        content["config"].update(
            default_scope="visitor",
            custom_imports={"imports": ["visitor.registry"]},
            custom_hooks=[{"type": "os.mkdir", "path": "ran"}],
            _base_=["visitor/registry.py"],
            load_from="planted.pth",
            visualizer={"type": "visitor.registry.Draw"},
        )
        content["config"]["model"]["backbone"]["init_cfg"] = {"type": "Pretrained", "checkpoint": "planted.pth"}

    folder = checkpoint(plant)
    Path("visitor").mkdir()
    Path("visitor", "registry.py").write_text(RUNS)
    torch.save({"state_dict": Planted()}, "planted.pth")
    monkeypatch.syspath_prepend(Path.cwd())
    for command in ("evaluate", "predict"):
        status, _, err = run(*calls(folder)[command])
        assert status == 0, err
    assert not Path("ran").exists()
    assert (tmp_path / "scores.json").is_file()
    assert (tmp_path / "found" / "panoptic.json").is_file()
