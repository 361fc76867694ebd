"""Two processes that train one network: the same gradients as one, and an end for both when one of them fails."""

import re
import time
from pathlib import Path

import pytest
import torch

from cqb_core.testing import HERE, WIDTHS, drawn, write_labels
from cqb_core.training.plain_checkpoint import load_checkpoint

CASCADE, WHOLE = "panoptic-cascade_tiny_scenes", "cqb-net_tiny_scenes"

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


@pytest.fixture
def children(monkeypatch, tmp_path):
    """A function that starts as many processes of one training."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))  # where they find the module, too
    from training_child import Children

    def start(count, out, data, options=None, labels=None, name=CASCADE, how=None):
        return Children(count, tmp_path, name, data, out, labels, {**OPTIONS, **(options or {})}, how)

    return start


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
def test_two_processes_step_as_one_with_the_same_images(tmp_path, children, case):
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
        for status, printed in children(count, out, data, given, labels, name).ended():
            assert status == 0, printed
        made[count] = load_checkpoint(out / "epoch_1.pth")
    assert made[1]["meta"]["iter"] == made[2]["meta"]["iter"] == 1
    # One step of plain descent at rate 1: the weights differ as the gradients do.
    torch.testing.assert_close(made[2]["state_dict"], made[1]["state_dict"], rtol=0, atol=1e-5)


def test_a_loss_that_is_no_number_in_one_process_stops_both_with_the_images(tmp_path, children):
    poison = {"model.auxiliaries": [{"type": "PoisonOfOne"}]}
    started = children(2, tmp_path / "run", drawn(tmp_path / "scenes"), poison)
    (first, said), (second, also) = started.ended()
    assert first == second == 1
    line = [re.sub(r"^\[rank\d\]: ", "", text.strip().splitlines()[-1]) for text in (said, also)]
    assert line[0] == line[1]
    assert "NonFiniteLossError: iteration 1: loss is not finite (" in line[0]
    assert line[0].count(" on images ") == 1
    assert not list((tmp_path / "run").glob("*.pth"))


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
def test_a_process_that_dies_or_hangs_stops_the_other_with_a_message(tmp_path, children, how):
    options = {"env_cfg.dist_cfg.timeout": 20, "train_dataloader.batch_size": 1}
    started = children(2, tmp_path / "run", drawn(tmp_path / "scenes"), options, how=how)
    try:
        deadline = time.monotonic() + 120
        while "lost" not in started.printed[1].read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        since = time.monotonic()
        started.processes[0].join(120)
        assert time.monotonic() - since < 60
    finally:
        started.kill()
    assert started.processes[0].exitcode == 1
    lost = "ProcessLostError: another process of this training has ended or does not answer"
    assert lost in started.printed[0].read_text()
