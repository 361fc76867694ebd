"""A training that is killed, twice, within an epoch and while it writes, ends as the one that was not."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from cqb_core.testing import WIDTHS, drawn
from cqb_core.training import last_checkpoint, train
from cqb_core.training.plain_checkpoint import load_checkpoint

NAME = "cqb-net_tiny_scenes"

OPTIONS = {
    **{key: value for key, value in WIDTHS.items() if not key.startswith("model.backbone")},
    "model.backbone.base_channels": 8,
    "train_cfg.max_epochs": 2,
    "train_cfg.val_interval": 1,
    "train_dataloader.batch_size": 2,
    "train_dataloader.num_workers": 2,
    "val_dataloader.num_workers": 0,
    "val_dataloader.persistent_workers": False,
    "train_dataloader.dataset.pipeline.2.scale": (64, 64),
    "val_dataloader.dataset.pipeline.1.scale": (64, 64),
    "model.train_cfg.rpn.sampler.num": 32,
    "param_scheduler.0.end": 3,
    "default_hooks.checkpoint.steps": 3,
}

KILLED = """
import json, os, signal, sys
from mmengine.fileio import LocalBackend
from cqb_core.training import train
from cqb_core.training.resumable import StepSeedHook

out, data, name, options, resume, step, writing = json.loads(sys.argv[1])
options = {key: tuple(value) if key.endswith("scale") else value for key, value in options.items()}
seed, put = StepSeedHook.before_train_iter, LocalBackend.put

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def before(self, runner, *rest, **more):
    die() if runner.iter == step else seed(self, runner, *rest, **more)

def half(self, content, path):
    if writing is None or writing not in str(path):
        return put(self, content, path)
    put(self, content[: len(content) // 2], path)
    die()

StepSeedHook.before_train_iter, LocalBackend.put = before, half
train(name, data, out, resume=resume, options=options, check=False, progress=False)
"""


def killed(out, data, resume, step=None, writing=None):
    arguments = [str(out), str(data), NAME, OPTIONS, resume, step, writing]
    call = [sys.executable, "-W", "ignore", "-c", KILLED, json.dumps(arguments)]
    said = out.with_suffix(".log")
    with said.open("w") as log:
        done = subprocess.run(call, stdout=log, stderr=log, timeout=300)
    assert done.returncode == -signal.SIGKILL, said.read_text()
    assert survivors(out) == []


def survivors(out):
    """Processes whose command names the folder, after at most four seconds: forked workers keep their parent's."""
    deadline = time.monotonic() + 4
    while (left := [command for command in processes() if str(out) in command]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def processes():
    """The command of each process that runs; one that has just ended, or is another user's, has none."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_text(errors="replace")


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


@pytest.mark.parametrize("step", random.Random(8).sample(range(4, 8), 1))
def test_a_training_killed_twice_ends_as_the_one_that_was_not(tmp_path, step):
    data, out = drawn(tmp_path / "scenes"), tmp_path / "killed"
    straight = train(NAME, data, tmp_path / "straight", options=OPTIONS, check=False, progress=False)
    killed(out, data, False, writing="step_3")
    assert list(out.glob(".step_3.pth.*")), "the file that was being written"
    assert not list(out.glob("[!.]*.pth"))
    killed(out, data, False, step=step)
    resumed = train(NAME, data, out, resume=True, options=OPTIONS, check=False, progress=False)
    one, other = map(load_checkpoint, (straight, resumed))
    for part in ("state_dict", "optimizer", "param_schedulers"):
        assert_close(other[part], one[part], part)
    first, second = (content["message_hub"]["log_scalars"] for content in (one, other))
    names = [name for name in first if "loss" in name]
    assert len(names) > 10
    for name in names:
        assert len(first[name]["log"]) == 8
        assert_close(second[name]["log"], first[name]["log"], name)
    assert last_checkpoint(out).name == "epoch_2.pth"
    assert {path.name for path in out.glob("*.pth")} == {path.name for path in straight.parent.glob("*.pth")}
    assert not list(out.glob(".*"))
