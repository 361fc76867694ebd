"""Several processes that train one network, as `torchrun` starts them; without a GPU they speak by gloo."""

import subprocess
import sys

import torch

from cqb_core.testing import drawn


def test_two_processes_train_on_mixed_labels(run, tiny_options, tmp_path):
    data, labels, out = drawn(tmp_path / "scenes"), tmp_path / "labels.json", tmp_path / "run"
    assert run("data", "assign", data, "--ratio", "P=0.375,B=0.25,I=0.375", "-o", labels)[0] == 0
    # Two images a process: most batches of a process lack some label, and some parts of the network with it.
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    call = ["-m", "cqb_net.main", "train", "cqb-net_tiny_scenes", "--data", data, "--labels", labels, "--out", out]
    options = [*tiny_options, "--set", "train_dataloader.batch_size=2"]
    done = subprocess.run([*start, *map(str, call), *options], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("trained: ") == 2
    content = torch.load(out / "epoch_1.pth", weights_only=True)
    assert content["meta"]["iter"] == 2
    assert not any(name.startswith("module.") for name in content["state_dict"])
