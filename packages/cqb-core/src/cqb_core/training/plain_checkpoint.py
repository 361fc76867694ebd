"""Checkpoints of tensors and plain values only, so that loading one cannot run code."""

import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from cqb_core.errors import InputError
from cqb_core.taxonomy import Taxonomy

WEIGHTS = ("state_dict", "ema_state_dict")

READ_ERRORS = (
    OSError,
    RuntimeError,
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
)
"""What torch raises on files that it did not write or that were damaged since."""


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Turns what mmengine puts beside the weights into plain values on saving, and back on loading.

    Checkpoints then load with `torch.load(weights_only=True)`; mmengine's own hold its log buffers as objects. Each
    also carries its config and the data set's categories as data (`config`, `categories`), so that it can be evaluated
    and used without the files that it was trained from.
    """

    priority = "VERY_LOW"

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Replace objects by plain values and add config and categories, in place."""
        checkpoint["config"] = runner.cfg.to_dict()
        checkpoint["categories"] = _taxonomy(runner.train_dataloader.dataset).to_json()
        for key in checkpoint.keys() - WEIGHTS:
            checkpoint[key] = plain(checkpoint[key], key)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Rebuild mmengine's log buffers, in place, and let its notes of checkpoints point into this run's folder.

        A copied folder would otherwise go on to delete the best checkpoint of the original.
        """
        hub = checkpoint.get("message_hub", {})
        notes, scalars = hub.get("runtime_info", {}), hub.get("log_scalars", {})
        for name in ("best_ckpt", "last_ckpt"):
            if isinstance(notes.get(name), str):
                notes[name] = str(Path(runner.work_dir) / Path(notes[name]).name)
        for name, history in scalars.items():
            if isinstance(history, Mapping):
                scalars[name] = HistoryBuffer(history["log"].tolist(), history["count"].tolist(), history["max_length"])


def _taxonomy(dataset: Any) -> Taxonomy:
    """The classes of a data set that may be wrapped (repeated, filtered)."""
    while not hasattr(dataset, "taxonomy"):
        if not hasattr(dataset, "dataset"):
            raise TypeError(f"train_dataloader: wanted a MixedLabelDataset, got {type(dataset).__name__}")
        dataset = dataset.dataset
    taxonomy: Taxonomy = dataset.taxonomy
    return taxonomy


def plain(value: Any, where: str) -> Any:
    """`value` with every container, array and log buffer as a dict, list, tuple or tensor.

    Raises:
        TypeError: naming the place of an object that has no plain form.
    """
    if isinstance(value, np.generic):  # first, since numpy's float64 is a float as well
        return value.item()
    if value is None or isinstance(value, bool | int | float | str | torch.Tensor):
        return value
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        return {"log": torch.tensor(log), "count": torch.tensor(count), "max_length": value.max_length}
    if isinstance(value, Mapping):
        pairs = ((key, plain(inner, f"{where}.{key}")) for key, inner in value.items())
        return OrderedDict(pairs) if isinstance(value, OrderedDict) else dict(pairs)
    if isinstance(value, list | tuple):
        items = [plain(inner, f"{where}[{place}]") for place, inner in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    raise TypeError(f"checkpoint: {where}: wanted a tensor or plain value, got {type(value).__name__}")


def load_checkpoint(path: str | PathLike[str]) -> dict[str, Any]:
    """Read a checkpoint without running code of it.

    Raises:
        InputError: when the file is missing, torn, no checkpoint, or holds objects.
    """
    if not Path(path).is_file():
        raise InputError(path, "file", "a checkpoint", "a folder" if Path(path).is_dir() else "no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except READ_ERRORS as error:
        raise InputError(path, "content", "a whole checkpoint of tensors and plain values", _reason(error)) from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), Mapping):
        raise InputError(path, "content", "a checkpoint with a state_dict", _content(content))
    return content


def fill(model: nn.Module, weights: Mapping[str, Any], file: str | PathLike[str]) -> None:
    """Give a network the weights of a checkpoint, every one of them.

    Raises:
        InputError: when a weight is no tensor, or names or shapes differ.
    """
    for name, weight in weights.items():
        if not isinstance(name, str) or not isinstance(weight, torch.Tensor):
            raise InputError(file, "state_dict", "tensors by name", f"{type(weight).__name__} at {str(name)[:80]!r}")
    try:
        load_state_dict(model, weights, strict=True)
    except RuntimeError as error:
        got = " ".join(str(error).split())[:300]
        raise InputError(file, "state_dict", "the weights of the network in its config", got) from error


def _reason(error: Exception) -> str:
    """Why torch did not read a file, without its advice to read it anyway."""
    text = str(error)
    if found := re.search(r"GLOBAL ([\w.]+)", text):
        return f"an object of {found[1]}, which is not loaded since that could run code"
    if "zip archive" in text:
        return "a file that was cut off"
    return "a file that torch did not write" if isinstance(error, pickle.UnpicklingError) else type(error).__name__


def _content(content: Any) -> str:
    if not isinstance(content, Mapping):
        return type(content).__name__
    return f"{len(content)} entries: {', '.join(str(key) for key in list(content)[:3])}, ..."
