"""A trained network from its checkpoint alone: weights, config and categories travel together."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from mmcv.transforms import Compose
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from cqb_core.errors import InputError
from cqb_core.plugins import register
from cqb_core.taxonomy import Taxonomy
from cqb_core.training.config import require_sections
from cqb_core.training.plain_checkpoint import load_checkpoint
from cqb_core.training.run import last_checkpoint


@dataclass(frozen=True)
class Network:
    """A network ready to predict.

    Args:
        model: in evaluation mode.
        config: what it was trained with.
        taxonomy: the classes that it knows.
        checkpoint: where it came from.
        prepare: the transforms of its test pipeline, from `img_path` to a sample.
    """

    model: BaseModel
    config: Config
    taxonomy: Taxonomy
    checkpoint: Path
    prepare: Compose


def find_checkpoint(path: str | PathLike[str]) -> Path:
    """A checkpoint file as it is; of a training folder the one with the best PQ, or the last when none was validated.

    Raises:
        InputError: when there is none.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    best = sorted(path.glob("best_PQ_*.pth"), key=lambda file: file.stat().st_mtime)
    return best[-1] if best else last_checkpoint(path)


def read_network_config(path: str | PathLike[str]) -> tuple[Path, Config, Taxonomy, dict[str, Any]]:
    """Checkpoint file, config, classes and weights of a training folder or checkpoint.

    The config no longer asks for pretrained weights, since those of the checkpoint replace them.

    Raises:
        InputError: when it is no checkpoint of this package.
    """
    register()
    file = find_checkpoint(path)
    content = load_checkpoint(file)
    for field in ("config", "categories"):
        if field not in content:
            raise InputError(file, field, "a checkpoint that PlainCheckpointHook has completed", "none")
    if not isinstance(content["config"], Mapping):
        raise InputError(file, "config", "a config as a dict", type(content["config"]).__name__)
    _require_names(content["config"], file, "config")
    config = Config(dict(content["config"]))
    require_sections(config, file)
    if "pretrained" in config.model.get("backbone", {}):
        config.model.backbone.pretrained = False
    return file, config, Taxonomy.from_json(content["categories"], file), content["state_dict"]


def load_network(path: str | PathLike[str], device: str | None = None) -> Network:
    """Build a trained network.

    Args:
        path: a training folder or a checkpoint.
        device: where to put it; None takes a GPU if there is one.

    Raises:
        InputError: when it is no checkpoint of this package, or its weights do not fit its config.
    """
    file, config, taxonomy, weights = read_network_config(path)
    with DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build(config.model)
        prepare = Compose(config.test_dataloader.dataset.pipeline)
    load_weights(model, weights, file)
    model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    return Network(model, config, taxonomy, file, prepare)


def load_weights(model: nn.Module, weights: dict[str, Any], file: Path) -> None:
    """Give a network the weights of a checkpoint, every one of them.

    Raises:
        InputError: when names or shapes differ.
    """
    try:
        load_state_dict(model, weights, strict=True)
    except RuntimeError as error:
        got = " ".join(str(error).split())[:300]
        raise InputError(file, "state_dict", "the weights of the network in its config", got) from error


def _require_names(value: Any, file: Path, field: str) -> None:
    """Refuse a `type` that is a path: mmengine would import and call it, whatever it is."""
    if isinstance(value, Mapping):
        kind = value.get("type", "")
        if not isinstance(kind, str) or "." in kind:
            raise InputError(file, f"{field}.type", "a name from mmdet's registries", repr(kind))
        for key, inner in value.items():
            _require_names(inner, file, f"{field}.{key}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _require_names(inner, file, f"{field}[{place}]")
