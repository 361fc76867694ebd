"""What one of several processes does that train a network; forked from a process that has imported all it needs."""

import multiprocessing
import os
import signal
import socket
import sys
from pathlib import Path

import torch
from mmdet.models.task_modules.samplers import RandomSampler
from mmdet.registry import HOOKS, MODELS, TASK_UTILS
from mmengine.hooks import Hook

import cqb_net.registry  # noqa: F401 the modules of CQB-Net
from cqb_core import Labels
from cqb_core.models.auxiliary import SemanticAuxiliary
from cqb_core.training import load_config, train

PRELOADED = ["cqb_net.registry", "cqb_core.training"]


@TASK_UTILS.register_module()
class FirstSampler(RandomSampler):
    """Nothing is drawn at random."""

    def random_choice(self, gallery, num):
        return gallery[:num]


@MODELS.register_module()
class PoisonOfOne(SemanticAuxiliary):
    """A loss that is no number in the second process."""

    name, needs = "poison", Labels.STUFF

    def __init__(self, host):
        super().__init__()

    def loss(self, view):
        return {"loss_poison": view.logits.sum() * (float("nan") if rank() == 1 else 0.0)}


@HOOKS.register_module()
class LostHook(Hook):
    """The second process gets a signal after its second iteration."""

    priority = "LOWEST"

    def __init__(self, how):
        self.how = how

    def after_train_iter(self, runner, *rest, **more):
        if rank() == 1 and runner.iter == 1:
            print("lost", flush=True)
            os.kill(os.getpid(), getattr(signal, self.how))


def rank():
    return int(os.environ.get("RANK", 0))


class Children:
    """Processes that train together, as `torchrun` would start them, without its agent: it ends all when one ends.

    Args:
        count: of the processes.
        folder: for what they print.
        how: name of the signal that the second one gets.
        config, data, out, labels, options: of the training.
    """

    def __init__(self, count, folder, config, data, out, labels, options, how=None):
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(PRELOADED)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        common = {"WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        launched = {"TORCHELASTIC_RUN_ID": "test"} if count > 1 else {}
        self.printed = [Path(folder) / f"printed-{count}-{number}.txt" for number in range(count)]
        self.processes = []
        for number, printed in enumerate(self.printed):
            printed.touch()
            variables = {key: str(value) for key, value in {**common, "RANK": number, "LOCAL_RANK": number}.items()}
            given = ({**variables, **launched}, printed, config, data, out, labels, options, how)
            self.processes.append(forks.Process(target=_train, args=given, daemon=True))
            self.processes[-1].start()

    def ended(self, seconds=300):
        """Exit status and output of each; none is left running."""
        try:
            for process in self.processes:
                process.join(seconds)
            return [
                (process.exitcode, printed.read_text())
                for process, printed in zip(self.processes, self.printed, strict=True)
            ]
        finally:
            self.kill()

    def kill(self):
        for process in self.processes:
            process.kill()


def _train(variables, printed, config, data, out, labels, options, how):
    os.environ.update(variables)
    with printed.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    torch.set_num_threads(1)
    made = load_config(config)
    if how:
        made.custom_hooks = [*made.custom_hooks, {"type": "LostHook", "how": how}]
    train(made, data, out, labels, options=options, check=False, progress=False)
