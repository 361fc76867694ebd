import resource
import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import torch
from mmdet.registry import HOOKS
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook

from cqb_core.errors import InputError
from cqb_core.training import last_checkpoint, load_config, train
from cqb_core.training.checkpoints import WholeCheckpointHook, _RemovedLast
from cqb_core.training.plain_checkpoint import load_checkpoint

NAME = "panoptic-cascade_tiny_scenes"


class CutError(BaseException):
    """As a kill in the middle of a write would."""


@contextmanager
def no_room():
    """No file may grow beyond 200 kB, as on a disk that is full by then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


SEEN = []


@HOOKS.register_module(force=True)
class FolderHook(Hook):
    """Notes what the folder holds whenever something is about to be written."""

    def before_save_checkpoint(self, runner, checkpoint):
        SEEN.append({path.name for path in Path(runner.work_dir).glob("[!.]*.pth")})


@pytest.fixture
def go(scenes, tmp_path, tiny):
    """A function that trains three epochs of two steps in a folder of that name."""

    def run(out="run", resume=False, hooks=(), **options):
        config = load_config(NAME)
        config.custom_hooks = [*config.custom_hooks, *hooks]
        chosen = {**tiny, "train_cfg.max_epochs": 3, "train_cfg.val_interval": 3, **options}
        return train(config, scenes, tmp_path / out, resume=resume, options=chosen, check=False, progress=False)

    return run


def whole(folder):
    return {path.name for path in folder.glob("[!.]*.pth") if load_checkpoint(path)}


def test_one_whole_checkpoint_is_there_at_all_times(go, tmp_path):
    SEEN.clear()
    go(hooks=[{"type": "FolderHook"}], **{"default_hooks.checkpoint.max_keep_ckpts": 1})
    resumable = [{name for name in names if name.startswith("epoch")} for names in SEEN]
    # Epochs 1, 2 and 3, the best after the third, and the third once more, which then knows of it.
    assert resumable == [set(), {"epoch_1.pth"}, {"epoch_2.pth"}, {"epoch_3.pth"}, {"epoch_3.pth"}]
    assert whole(tmp_path / "run") == {"epoch_3.pth", "best_PQ_epoch_3.pth"}


def test_the_best_checkpoint_goes_when_the_better_one_is_there():
    removed = []
    backend = type("Backend", (), {"remove": removed.append, "isfile": lambda self, path: True})()
    backend.remove = removed.append
    later = _RemovedLast(backend)
    later.remove("old.pth")
    later.remove("same.pth")
    assert later.isfile("old.pth")
    assert removed == []
    later.flush(["same.pth", None])
    assert removed == ["old.pth"]


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_a_cut_while_writing_leaves_the_one_before(go, tmp_path, monkeypatch, part):
    put = LocalBackend.put

    def cut(self, content, path):
        if "epoch_2" in str(path):
            put(self, content[: int(part * len(content))], path)
            raise CutError
        put(self, content, path)

    monkeypatch.setattr(LocalBackend, "put", cut)
    # A kill would not clean up: the half-written file stays.
    monkeypatch.setattr("pathlib.Path.unlink", lambda self, missing_ok=False: None)
    with pytest.raises(CutError):
        go()
    monkeypatch.undo()
    out = tmp_path / "run"
    assert len(list(out.glob(".epoch_2.pth.*"))) == 1
    assert last_checkpoint(out).name == "epoch_1.pth"
    assert whole(out) >= {"epoch_1.pth"}
    assert go(resume=True).name == "epoch_3.pth"
    assert not list(out.glob(".*"))


def test_a_cut_in_the_first_write_can_be_started_again(go, tmp_path, monkeypatch):
    def cut(self, content, path):
        raise CutError

    with monkeypatch.context() as killed:
        killed.setattr(LocalBackend, "put", cut)
        killed.setattr("pathlib.Path.unlink", lambda self, missing_ok=False: None)
        with pytest.raises(CutError):
            go()
    assert list((tmp_path / "run").glob(".epoch_1.pth.*"))
    assert go().name == "epoch_3.pth"


def test_a_cut_before_the_pointer_is_written_loses_nothing(go, tmp_path, monkeypatch, capsys):
    from cqb_core.training import checkpoints

    def cut(path, text):
        raise CutError

    with monkeypatch.context() as killed:
        killed.setattr(checkpoints, "write_text", cut)
        with pytest.raises(CutError):
            go()
    with pytest.raises(InputError, match="wanted a new folder, or --resume, got a training that has begun"):
        go()
    assert go(resume=True).name == "epoch_3.pth"
    assert capsys.readouterr().err.strip().endswith("going on from epoch_1.pth")


def test_a_full_disk_is_named_and_the_last_checkpoint_survives(go, tmp_path):
    full = ExitStack()

    class FullHook(Hook):
        priority = "HIGHEST"

        def before_save_checkpoint(self, runner, checkpoint):
            if runner.epoch == 1:
                full.enter_context(no_room())

    HOOKS.register_module(force=True, module=FullHook)
    with full, pytest.raises(InputError, match=r"epoch_2\.pth: disk: wanted room to write it, got File too large"):
        go(hooks=[{"type": "FullHook"}])
    out = tmp_path / "run"
    assert last_checkpoint(out).name == "epoch_1.pth"
    assert whole(out) == {"epoch_1.pth"}
    assert not list(out.glob(".*"))
    resumed, straight = go(resume=True), go("straight")
    states = [load_checkpoint(path)["state_dict"] for path in (resumed, straight)]
    torch.testing.assert_close(*states, rtol=0, atol=1e-6)


def test_within_an_epoch_the_newest_alone_is_kept(go, tmp_path):
    SEEN.clear()
    go(hooks=[{"type": "FolderHook"}], **{"default_hooks.checkpoint.steps": 1, "train_cfg.val_interval": 100})
    assert SEEN[:4] == [set(), {"step_1.pth"}, {"step_2.pth"}, {"epoch_1.pth"}]
    assert not list((tmp_path / "run").glob("step_*"))


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, "x"])
def test_an_interval_that_is_none_is_refused(steps):
    with pytest.raises(
        InputError, match=r"default_hooks\.checkpoint: steps: wanted a number of steps above 0, or None"
    ):
        WholeCheckpointHook(steps=steps)


def test_no_checkpoint_comes_between_gathered_gradients(go, tmp_path):
    SEEN.clear()
    options = {"optim_wrapper.accumulative_counts": 2, "default_hooks.checkpoint.steps": 1}
    go(hooks=[{"type": "FolderHook"}], **options, **{"train_cfg.max_epochs": 1, "train_cfg.val_interval": 100})
    assert SEEN[:2] == [set(), {"step_2.pth"}]
