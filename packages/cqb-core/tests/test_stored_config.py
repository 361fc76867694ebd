"""Each plant would run, read or write something; it is refused by name, or what it stands in is not kept."""

import copy
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from cqb_core.errors import InputError
from cqb_core.plugins import register
from cqb_core.stored_config import DEPTH, KEPT, registered, stored_config
from cqb_core.training.config import config_names, load_config

NAME = "panoptic-cascade_tiny_scenes"
RUNS = "__import__('pathlib').Path('ran').touch()"


@pytest.fixture
def raw():
    register()
    return load_config(NAME).to_dict()


def put(config, place, value):
    *path, last = place.split(".")
    for word in path:
        config = config[int(word)] if isinstance(config, list) else config[word]
    config[last] = value


@pytest.mark.parametrize("name", config_names())
def test_every_config_of_ours_is_kept_but_for_its_data(name):
    register()
    config = load_config(name)
    config.val_dataloader.dataset.update(ann_file="/data/a.json", data_root="/data", assignment="/x.json", skip=[3])
    config.test_evaluator.update(ann_file="/data/a.json", seg_prefix="/data/maps")
    made = stored_config(config.to_dict(), "run.pth")
    for section in KEPT:
        for key, value in config[section].items():
            if key not in ("backbone", "dataset", "ann_file", "seg_prefix"):
                assert made[section][key] == value, (section, key)
    assert made.val_dataloader.dataset.keys() == config.val_dataloader.dataset.keys() - {
        "ann_file",
        "data_root",
        "data_prefix",
        "assignment",
        "skip",
    }
    assert made.default_scope == "mmdet"
    assert not {"train_dataloader", "optim_wrapper"} & set(made)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model.backbone", {"type": "os.mkdir", "path": "ran"}),
        ("model.backbone", {"type": "planted.registry.Net"}),
        ("model.backbone", {"type": "planted"}),
        ("model.backbone", {"type": print}),
        ("model._scope_", "planted"),
        ("model.test_cfg.rcnn.nms.type", RUNS),
        ("model.test_cfg.rcnn.nms.type", "breakpoint"),
        ("model.train_cfg.rpn_proposal.nms.type", RUNS),
        ("model.tracker", {"type": "CameraMotionCompensation", "warp_mode": RUNS}),
        ("model.teacher_config", "planted.py"),
        ("model.teacher_ckpt", "planted"),
        ("model.neck.name", "{{ fileBasename }}"),
        ("model.neck.name", "http://example.org/x"),
        ("model.neck.type", torch.nn.Identity),
        ("model.neck.weights", torch.zeros(2)),
        ("model.neck.words", {"a", "b"}),
        ("model.neck.words", ["fine", ("fine", "not/fine")]),
        ("val_dataloader.dataset.proposal_file", "pkl"),
        ("test_dataloader.dataset.proposal_file", "planted.pkl"),
        ("test_dataloader.dataset.pipeline.0.type", "planted.Transform"),
        ("test_dataloader.dataset.pipeline.0.backend_args", {"backend": "http", "path": "planted"}),
        ("test_evaluator.type", "planted.Metric"),
        ("test_evaluator.out_file_path", "ran.pkl"),
        ("test_cfg.type", "planted.Loop"),
    ],
)
def test_what_could_run_load_or_write_is_named(raw, place, value):
    put(raw, place, value)
    with pytest.raises(InputError) as caught:
        stored_config(raw, "run.pth")
    assert caught.value.where == "run.pth"
    assert caught.value.field.replace("[0]", ".0").startswith(f"config.{place}".removesuffix(".type"))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("default_scope", "planted"),
        ("custom_imports", {"imports": ["planted"]}),
        ("custom_hooks", [{"type": "planted.Hook"}]),
        ("default_hooks", {"checkpoint": {"type": "CheckpointHook", "out_dir": "planted"}}),
        ("visualizer", {"type": "DetLocalVisualizer", "save_dir": "planted"}),
        ("env_cfg", {"mp_cfg": {"mp_start_method": "planted"}}),
        ("load_from", "planted.pth"),
        ("work_dir", "planted"),
        ("_base_", ["planted.py"]),
        ("text", "planted"),
        ("model.backbone.init_cfg", {"type": "Pretrained", "checkpoint": "planted.pth"}),
        ("model.backbone.pretrained", "planted.pth"),
        ("test_dataloader.dataset.ann_file", "planted.json"),
        ("val_evaluator.seg_prefix", "planted"),
        ("train_dataloader.dataset.type", "planted.Data"),
    ],
)
def test_what_evaluation_does_not_need_is_left_out(raw, place, value):
    put(raw, place, value)
    assert "planted" not in repr(stored_config(raw, "run.pth").to_dict())


def test_keys_are_text_and_levels_are_few(raw):
    deep = {}
    for _ in range(DEPTH):
        deep = {"a": deep}
    for value, message in (({1: 2}, "keys that are text, got 1"), (deep, f"at most {DEPTH} levels, got more")):
        hostile = copy.deepcopy(raw)
        hostile["model"]["neck"]["x"] = value
        with pytest.raises(InputError, match=message):
            stored_config(hostile, "run.pth")


@pytest.mark.parametrize("value", [None, 3, [1], "model"])
def test_a_config_that_is_no_dict_is_refused(value):
    with pytest.raises(InputError, match=r"run\.pth: config: wanted a config as a dict, got "):
        stored_config(value, "run.pth")


def test_no_registered_name_is_one_of_pythons_own():
    import builtins

    assert not registered() & set(dir(builtins))
    assert {"nms", "ResNet", "PanopticCascade", "LoadPhoto", "RoIAlign", "TestLoop"} <= registered()


def test_the_same_plants_would_have_run(tmp_path, monkeypatch):
    """mmengine calls what a `type` names and imports what a `_scope_` names; mmcv evaluates the `type` of an NMS."""
    from mmcv.ops import batched_nms

    monkeypatch.chdir(tmp_path)
    with pytest.raises((TypeError, KeyError, AttributeError)):
        MODELS.build({"type": "os.mkdir", "path": "ran"}) or MODELS.build({"type": "none"})
    assert Path("ran").is_dir()
    (tmp_path / "visitor").mkdir()
    (tmp_path / "visitor" / "registry.py").write_text("open('imported', 'w').close()")
    monkeypatch.syspath_prepend(tmp_path)
    MODELS.build({"type": "ReLU", "_scope_": "visitor"})
    assert Path("imported").is_file()
    Path("ran").rmdir()
    with pytest.raises(TypeError):
        batched_nms(torch.ones(1, 4), torch.ones(1), torch.zeros(1), {"type": RUNS})
    assert Path("ran").is_file()


def test_a_stored_config_is_an_mmengine_config(raw):
    assert isinstance(stored_config(raw, "run.pth"), Config)
