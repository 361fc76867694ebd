"""Two processes that train one network: the same gradients as one, and an end for both when one of them fails."""

import json
import os
import re
import socket
import subprocess
import sys
import time

import pytest
import torch

from cqb_core.testing import HERE, WIDTHS, drawn, write_labels
from cqb_core.training.plain_checkpoint import load_checkpoint

CASCADE, WHOLE = "panoptic-cascade_tiny_scenes", "cqb-net_tiny_scenes"

CHILD = """
import json, os, signal, sys
import torch
import cqb_net.registry
from mmdet.models.task_modules.samplers import RandomSampler
from mmdet.registry import HOOKS, MODELS, TASK_UTILS
from mmengine.hooks import Hook
from cqb_core import Labels
from cqb_core.models.auxiliary import SemanticAuxiliary
from cqb_core.training import load_config, train

rank = int(os.environ.get("RANK", 0))

@TASK_UTILS.register_module()
class FirstSampler(RandomSampler):
    def random_choice(self, gallery, num):
        return gallery[:num]

@MODELS.register_module()
class PoisonOfOne(SemanticAuxiliary):
    name, needs = "poison", Labels.STUFF
    def __init__(self, host):
        super().__init__()
    def loss(self, view):
        return {"loss_poison": view.logits.sum() * (float("nan") if rank == 1 else 0.0)}

@HOOKS.register_module()
class LostHook(Hook):
    priority = "LOWEST"
    def __init__(self, how):
        self.how = how
    def after_train_iter(self, runner, *rest, **more):
        if rank == 1 and runner.iter == 1:
            print("lost", os.getpid(), flush=True)
            os.kill(os.getpid(), getattr(signal, self.how))

name, out, data, labels, options, how = json.loads(sys.argv[1])
options = {key: tuple(value) if key.endswith(("scale", "ratio_range")) else value for key, value in options.items()}
config = load_config(name)
if how:
    config.custom_hooks = [*config.custom_hooks, dict(type="LostHook", how=how)]
train(config, data, out, labels, options=options, check=False, progress=False)
"""

OPTIONS = {
    **WIDTHS,
    **HERE,
    "model.backbone.norm_eval": True,
    "train_cfg.max_epochs": 1,
    "train_cfg.val_interval": 100,
    "train_dataloader.batch_size": 2,
    "train_dataloader.dataset.pipeline.2.scale": (64, 64),
    "train_dataloader.dataset.pipeline.2.ratio_range": (1.0, 1.0),
}


def children(count, out, data, options=None, how=None, labels=None, name=CASCADE):
    """Start as many processes as torchrun would, without its agent, which would end the others when one ends."""
    given = json.dumps([name, str(out), str(data), labels and str(labels), {**OPTIONS, **(options or {})}, how])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [
        {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for rank in range(count)
    ]
    launched = {"TORCHELASTIC_RUN_ID": "test"} if count > 1 else {}
    return [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", CHILD, given],
            env={**os.environ, **launched, **{key: str(value) for key, value in rank.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ranks
    ]


def ended(processes, seconds=300):
    """Exit status and standard error of each; none is left running."""
    try:
        return [(process.communicate(timeout=seconds)[1], process.returncode)[::-1] for process in processes]
    finally:
        for process in processes:
            process.kill()


MODULES = {
    "model.auxiliaries.1.jitter": 0.0,
    "model.auxiliaries.2.dropout": 0.0,
    "model.auxiliaries.2.teaches_host": 1.0,
    "model.auxiliaries.3.dropout": 0.0,
    "model.auxiliaries.3.warm_up": 0,
    "model.roi_head.unsampled": 8,
}
"""What the four modules draw at random is off, and pseudo labels are on."""
CASES = {
    "uneven": (["P", "B", "S", "I", "B", "M"], CASCADE, {}),
    "nothing in common": (["M", "S"], CASCADE, {}),
    "classes weighed by their frequency": (
        ["P", "P", "B", "S"],
        CASCADE,
        {"model.semantic_head.type": "FineSemanticHead", "model.semantic_head.class_balance": 0.5},
    ),
    "four modules": (["P", "B", "I", "I", "B", "S"], WHOLE, MODULES),
    "four modules, nothing in common": (["B", "I"], WHOLE, MODULES),
}


@pytest.mark.parametrize("case", CASES)
def test_two_processes_step_as_one_with_the_same_images(tmp_path, case):
    """They differ in RoIs, masks and pixels; where nothing is in common one has no stuff, and the other no box."""
    sets, name, more = CASES[case]
    data = drawn(tmp_path / "scenes", train=len(sets), crowd=0.4)
    labels = write_labels(data, sets, tmp_path / "labels.json")
    options = {
        "model.train_cfg.rpn.sampler.type": "FirstSampler",
        "model.train_cfg.rcnn.sampler.type": "FirstSampler",
        "model.train_cfg.rpn.sampler.num": 64,
        "model.train_cfg.rcnn.sampler.num": 8,
        "optim_wrapper.optimizer": {"_delete_": True, "type": "SGD", "lr": 1.0, "weight_decay": 0.0},
        "optim_wrapper.clip_grad": None,
        "param_scheduler": [],
        "train_dataloader.dataset.pipeline.3.prob": 0.5,
        **more,
    }
    made = {}
    for count in (1, 2):
        out = tmp_path / str(count)
        given = {**options, "train_dataloader.batch_size": len(sets) // count}
        for status, errors in ended(children(count, out, data, given, labels=labels, name=name)):
            assert status == 0, errors
        made[count] = load_checkpoint(out / "epoch_1.pth")
    assert made[1]["meta"]["iter"] == made[2]["meta"]["iter"] == 1
    # One step of plain descent at rate 1: the weights differ as the gradients do.
    torch.testing.assert_close(made[2]["state_dict"], made[1]["state_dict"], rtol=0, atol=1e-5)


def test_a_loss_that_is_no_number_in_one_process_stops_both_with_the_images(tmp_path):
    processes = children(
        2, tmp_path / "run", drawn(tmp_path / "scenes"), {"model.auxiliaries": [{"type": "PoisonOfOne"}]}
    )
    (first, said), (second, also) = ended(processes)
    assert first == second == 1
    line = [re.sub(r"^\[rank\d\]: ", "", text.strip().splitlines()[-1]) for text in (said, also)]
    assert line[0] == line[1]
    assert "NonFiniteLossError: iteration 1: loss is not finite (" in line[0]
    assert line[0].count(" on images ") == 1
    assert not list((tmp_path / "run").glob("*.pth"))


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
def test_a_process_that_dies_or_hangs_stops_the_other_with_a_message(tmp_path, how):
    options = {"env_cfg.dist_cfg.timeout": 20, "train_dataloader.batch_size": 1}
    first, second = children(2, tmp_path / "run", drawn(tmp_path / "scenes"), options, how)
    try:
        assert second.stdout.readline().startswith("lost")
        since = time.monotonic()
        _, errors = first.communicate(timeout=120)
        assert time.monotonic() - since < 60
    finally:
        for process in (first, second):
            process.kill()
    assert first.returncode == 1
    assert "ProcessLostError: another process of this training has ended or does not answer" in errors
