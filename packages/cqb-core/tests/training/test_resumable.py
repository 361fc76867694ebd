import random
import shutil

import numpy as np
import pytest
import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook

from cqb_core.errors import InputError
from cqb_core.training import last_checkpoint, load_config, train
from cqb_core.training.plain_checkpoint import load_checkpoint
from cqb_core.training.resumable import make_resumable

NAME = "panoptic-cascade_tiny_scenes"


class StoppedError(Exception):
    """As a kill would: nothing is written any more."""


@HOOKS.register_module(force=True)
class StopHook(Hook):
    """Stops before a step, or at the beginning of a validation."""

    priority = "HIGHEST"

    def __init__(self, step=None, validation=False):
        self.step, self.validation = step, validation

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.step:
            raise StoppedError

    def before_val(self, runner):
        if self.validation:
            raise StoppedError


@HOOKS.register_module(force=True)
class ScrambleHook(Hook):
    """Draws from every generator now and then, as a validation or another library might."""

    def before_train_epoch(self, runner):
        random.seed()
        np.random.seed(None)  # noqa: NPY002
        torch.seed()


@pytest.fixture(scope="module")
def options(tiny):
    """Two epochs of four steps, augmented, with samplers that draw, saved every other step."""
    return {
        **tiny,
        "train_dataloader.batch_size": 2,
        "model.train_cfg.rpn.sampler.num": 16,
        "model.train_cfg.rcnn.sampler.num": 8,
        "train_cfg.val_interval": 2,
        "default_hooks.checkpoint.steps": 2,
    }


@pytest.fixture(scope="module")
def go_in(scenes, options):
    """A function that trains in a folder, with hooks in addition."""

    def run(out, *hooks, resume=False, **more):
        config = load_config(NAME)
        config.custom_hooks = [*config.custom_hooks, *({"type": "ScrambleHook"}, *hooks)]
        given = {
            "check": False,
            "progress": False,
            **more,
            "options": {**options, **more.get("options", {})},
        }
        return train(config, scenes, out, resume=resume, **given)

    return run


@pytest.fixture
def go(go_in, tmp_path):
    """The same, in a folder by name."""
    return lambda out, *hooks, **more: go_in(tmp_path / out, *hooks, **more)


@pytest.fixture(scope="module")
def straight(go_in, tmp_path_factory):
    """The last checkpoint of a training that nothing stopped."""
    return go_in(tmp_path_factory.mktemp("straight") / "run")


def losses(content):
    scalars = content["message_hub"]["log_scalars"]
    return {
        name: log["log"] for name, log in scalars.items() if "loss" in name or "grad" in name or name == "train/base_lr"
    }


def assert_close(found, wanted, where):
    """Equal to 1e-6 where there are numbers, else equal."""
    assert type(found) is type(wanted), where
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), where
        for key in wanted:
            assert_close(found[key], wanted[key], f"{where}.{key}")
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted), where
        for place, pair in enumerate(zip(found, wanted, strict=True)):
            assert_close(*pair, f"{where}[{place}]")
    elif isinstance(wanted, torch.Tensor):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6, msg=lambda text: f"{where}: {text}")
    else:
        assert found == (pytest.approx(wanted, abs=1e-6) if type(wanted) is float else wanted), where


def assert_same(one, other):
    one, other = map(load_checkpoint, (one, other))
    assert one["meta"]["iter"] == other["meta"]["iter"]
    first, second = losses(one), losses(other)
    assert first.keys() == second.keys()
    assert len(first["train/loss"]) == 8
    for name, values in first.items():
        assert_close(second[name], values, name)
    for part in ("state_dict", "optimizer", "param_schedulers"):
        assert_close(other[part], one[part], part)


@pytest.mark.parametrize("step", [3, 6])
def test_a_training_stopped_within_an_epoch_ends_as_if_it_had_not_been(go, straight, step):
    with pytest.raises(StoppedError):
        go("stopped", {"type": "StopHook", "step": step})
    assert_same(straight, go("stopped", resume=True))


def test_skipped_images_are_not_loaded(go, monkeypatch):
    from cqb_core.data.dataset import MixedLabelDataset

    with pytest.raises(StoppedError):
        go("stopped", {"type": "StopHook", "step": 3})
    loaded = []
    prepare = MixedLabelDataset.prepare_data
    monkeypatch.setattr(
        MixedLabelDataset, "prepare_data", lambda self, i: (self.test_mode or loaded.append(i), prepare(self, i))[1]
    )
    go("stopped", resume=True)
    assert len(loaded) == 2 * 6


def test_a_run_is_the_same_with_loaders_in_other_processes(go, straight):
    with pytest.raises(StoppedError):
        go("stopped", {"type": "StopHook", "step": 5}, options={"train_dataloader.num_workers": 2})
    assert_same(straight, go("stopped", resume=True, options={"train_dataloader.num_workers": 2}))


def test_a_validation_that_was_cut_short_is_made_up_for(go, tmp_path):
    with pytest.raises(StoppedError):
        go("stopped", {"type": "StopHook", "validation": True})
    assert not list((tmp_path / "stopped").glob("best_*"))
    last = go("stopped", resume=True)
    assert list((tmp_path / "stopped").glob("best_PQ_epoch_2.pth"))
    whole = last.read_bytes()
    assert go("stopped", {"type": "StopHook", "validation": True}, resume=True) == last
    assert last.read_bytes() == whole


def test_other_batches_cannot_go_on_within_an_epoch(go):
    with pytest.raises(StoppedError):
        go("stopped", {"type": "StopHook", "step": 3})
    with pytest.raises(
        InputError, match=r"wanted 4 batches an epoch, as before: the run stopped after 2 of one, got 8"
    ):
        go("stopped", resume=True, options={"train_dataloader.batch_size": 1})


def test_between_epochs_the_batch_may_change(go):
    with pytest.raises(StoppedError):
        go("stopped", {"type": "StopHook", "step": 4})
    last = go("stopped", resume=True, options={"train_dataloader.batch_size": 1})
    assert load_checkpoint(last)["meta"]["iter"] == 4 + 8


def test_a_torn_checkpoint_is_passed_over_for_the_one_before(go, straight, tmp_path, capsys):
    out = shutil.copytree(straight.parent, tmp_path / "torn")
    last = last_checkpoint(out)
    last.write_bytes(last.read_bytes()[:5000])
    assert_same(straight, go("torn", resume=True))
    shown = capsys.readouterr().err
    assert "epoch_2.pth: content: wanted a whole checkpoint" in shown
    assert shown.strip().endswith("going on from epoch_1.pth")


def test_the_settings_are_made_once(tiny):
    config = load_config(NAME)
    make_resumable(config)
    once = config.to_dict()
    make_resumable(config)
    assert config.to_dict() == once
    assert config.train_dataloader.batch_sampler.inner.type == "LabelShareBatchSampler"


def test_trainings_that_count_otherwise_stay_as_they_are():
    config = load_config(NAME)
    config.train_cfg.type = "IterBasedTrainLoop"
    make_resumable(config)
    assert config.train_cfg.type == "IterBasedTrainLoop"
    assert config.train_dataloader.batch_sampler.type == "LabelShareBatchSampler"
