"""A training that was stopped at any step and goes on as if it had not been.

Nothing of the random number generators is stored. Each step and each image's turn seeds them from the run's seed and
its own place, so what a step computes depends on the weights before it and its number alone.
"""

from typing import Any

import torch
from mmdet.registry import HOOKS, LOOPS
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from cqb_core.data.draws import SeededBatchSampler, seed_generators
from cqb_core.errors import InputError
from cqb_core.training.checkpoints import EPOCH_NOTE, VALIDATED_NOTE


def make_resumable(config: Config) -> None:
    """Let a config's training go on exactly after a stop at any step, in place; twice is as good as once.

    Trainings that count in epochs and draw batches by mmengine's `DefaultSampler` only; others stay as they are.
    `default_hooks.checkpoint.steps` says how often to save within an epoch.

    Args:
        config: of a whole experiment.
    """
    hooks, loader = config.get("default_hooks", {}), config.train_dataloader
    if hooks.get("checkpoint", {}).get("type") == "CheckpointHook":
        hooks.checkpoint.type = "WholeCheckpointHook"
    sampler = loader.get("sampler") or {}
    if config.train_cfg.get("type") != "EpochBasedTrainLoop" or sampler.get("type") != "DefaultSampler":
        return
    config.train_cfg.type = "ResumableTrainLoop"
    config.custom_hooks = [*config.get("custom_hooks", []), ConfigDict(type="StepSeedHook")]
    inner = loader.get("batch_sampler")
    loader.batch_sampler = ConfigDict(type="SeededBatchSampler", inner=inner, drop_last=loader.get("drop_last", False))
    loader.pop("drop_last", None)


@LOOPS.register_module()
class ResumableTrainLoop(EpochBasedTrainLoop):
    """mmengine's loop over epochs, which takes up an epoch where it was left, and a validation that was left out."""

    def run(self) -> Any:
        """Train, validating as the configuration says."""
        self.runner.call_hook("before_train")
        begin = self._left_at()
        if self._owes_validation():
            self.runner.val_loop.run()
        while self._epoch < self._max_epochs and not self.stop_training:
            self._run_epoch_from(begin)
            begin = 0
            self._decide_current_val_interval()
            if self._validates():
                self.runner.val_loop.run()
        self.runner.call_hook("after_train")
        return self.runner.model

    def _run_epoch_from(self, begin: int) -> None:
        """An epoch without its first `begin` steps, which were made before."""
        batches: SeededBatchSampler = self.dataloader.batch_sampler
        batches.begin = begin
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        for place, batch in enumerate(self.dataloader, begin):
            self.run_iter(place, batch)
        batches.begin = 0
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _left_at(self) -> int:
        """Steps of the present epoch that were made before the run was resumed.

        Raises:
            InputError: when they cannot be found again since batches or processes are others than before.
        """
        made, total = self.runner.message_hub.runtime_info.get(EPOCH_NOTE, (0, 0))
        if made and total != len(self.dataloader):
            wanted = f"{total} batches an epoch, as before: the run stopped after {made} of one"
            raise InputError("--resume", "data, batch size and number of processes", wanted, len(self.dataloader))
        return int(made)

    def _validates(self) -> bool:
        """Whether the epoch that has just ended is one to validate after."""
        chosen = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        return self.runner.val_loop is not None and self._epoch >= self.val_begin and chosen

    def _owes_validation(self) -> bool:
        """Whether the run resumes at the end of an epoch whose validation did not come to its end."""
        between = self._epoch > 0 and not self._left_at()
        return between and self._validates() and self.runner.message_hub.runtime_info.get(VALIDATED_NOTE) != self._epoch


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seeds every generator before each training step, from seed, step and process."""

    priority = "VERY_HIGH"

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed for the step that follows."""
        entropy = (runner.seed, runner.iter, runner.rank)
        seed_generators(entropy)
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(torch.initial_seed())
