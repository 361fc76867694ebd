"""A Runner whose talk stays in its log file."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from cqb_core.errors import InputError
from cqb_core.files import needing_room, replacing
from cqb_core.quiet import hushed
from cqb_core.training.loader_errors import input_error_in
from cqb_core.training.loader_workers import start_worker
from cqb_core.training.plain_checkpoint import fill, load_checkpoint


class FileLogRunner(Runner):
    """mmengine's Runner with its log in `work_dir/TIMESTAMP/`, and on the terminal only when `cfg.verbose`."""

    def build_logger(self, log_level: int | str = "INFO", log_file: str | None = None, **kwargs: Any) -> MMLogger:
        """The run's logger; see `Runner.build_logger`."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        for handler in logger.handlers:
            if not self.cfg.get("verbose") and not isinstance(handler, logging.FileHandler):
                handler.setLevel(logging.CRITICAL + 1)
        return logger

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader[Any]:
        """See `Runner.build_dataloader`; the loader's workers end with this process, even when it is killed."""
        loader: DataLoader[Any] = Runner.build_dataloader(*args, **kwargs)
        loader.worker_init_fn = partial(start_worker, loader.worker_init_fn)
        return loader

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """See `Runner.wrap_model`, which takes for granted that every process has a GPU."""
        if not self.distributed or torch.cuda.is_available():
            wrapped: nn.Module = super().wrap_model(model_wrapper_cfg, model)
            return wrapped
        together: nn.Module = MMDistributedDataParallel(module=model, broadcast_buffers=False)
        return together

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """See `Runner.save_checkpoint`; the file appears whole or not at all.

        Raises:
            InputError: when the disk is full.
        """
        if is_main_process():
            with replacing(Path(out_dir) / filename) as temporary:
                super().save_checkpoint(str(temporary.parent), temporary.name, *args, **kwargs)

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        """See `Runner.load_checkpoint`, which prints where it loads from.

        What a training is resumed from is data, and all of it: mmengine would unpickle what is none, run the text at
        `meta.config` as Python, and go on with the weights that happen to fit.

        Raises:
            InputError: when a checkpoint to resume from is none, or of another network.
        """
        with nullcontext() if self.cfg.get("verbose") else hushed():
            if not self._resume:
                return super().load_checkpoint(filename, *args, **kwargs)
            checkpoint = load_checkpoint(filename)
            self._require_progress(checkpoint, filename)
            self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
            fill(self.model.module if is_model_wrapper(self.model) else self.model, checkpoint["state_dict"], filename)
            self._has_loaded = True
            return checkpoint

    @staticmethod
    def _require_progress(checkpoint: dict[str, Any], filename: str) -> None:
        meta = checkpoint.get("meta")
        if not isinstance(meta, dict) or not all(type(meta.get(name)) is int for name in ("epoch", "iter")):
            raise InputError(filename, "meta", "epoch and iter as integers", repr(meta)[:60])
        if "config" in meta:
            raise InputError(filename, "meta.config", "nothing: it would run", repr(meta["config"])[:60])


_laid_out: dict[str, str] = {}


class OnceFormatted(Config):
    """A config that lays out its text once: that takes half a second, and mmengine asks at every checkpoint."""

    @property
    def pretty_text(self) -> str:
        """The config as Python; see `Config.pretty_text`."""
        key = repr(self._cfg_dict)
        if key not in _laid_out:
            _laid_out.clear()
            _laid_out[key] = super().pretty_text
        return _laid_out[key]


@contextmanager
def running(config: Config, name: str, verbose: bool) -> Iterator[Runner]:
    """A runner of `config`; its progress bars are closed at the end, whatever happens.

    Args:
        config: of a whole experiment.
        name: of the run, new to this process.
        verbose: show mmengine's log and the libraries' warnings on the terminal.

    Raises:
        InputError: also when a worker process of a loader raised it, and when the disk is full.
    """
    config = OnceFormatted(config._cfg_dict, filename=config.filename)
    config.experiment_name, config.verbose = name, verbose
    with warnings.catch_warnings():
        if not verbose:
            warnings.simplefilter("ignore")
        runner = FileLogRunner.from_cfg(config)
        try:
            with needing_room(runner.work_dir):
                yield runner
        except RuntimeError as error:
            if fault := input_error_in(error):
                raise fault from None
            raise
        finally:
            for hook in runner.hooks:
                if hasattr(hook, "close"):
                    hook.close()
