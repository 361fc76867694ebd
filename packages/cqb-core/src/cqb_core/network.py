"""A trained network from its checkpoint alone: weights, config and categories travel together."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import load_state_dict

import cqb_core.registry  # noqa: F401 the config names what is registered there
from cqb_core.errors import InputError
from cqb_core.taxonomy import Taxonomy
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
    """

    model: BaseDetector
    config: Config
    taxonomy: Taxonomy
    checkpoint: Path


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

    Raises:
        InputError: when it is no checkpoint of this package.
    """
    file = find_checkpoint(path)
    content = load_checkpoint(file)
    for field in ("config", "categories"):
        if field not in content:
            raise InputError(file, field, "a checkpoint that PlainCheckpointHook has completed", "none")
    return file, Config(content["config"]), Taxonomy.from_json(content["categories"], file), content["state_dict"]


def load_network(path: str | PathLike[str], device: str | None = None) -> Network:
    """Build a trained network.

    Args:
        path: a training folder or a checkpoint.
        device: where to put it; None takes a GPU if there is one.

    Raises:
        InputError: when it is no checkpoint of this package, or its weights do not fit its config.
    """
    file, config, taxonomy, weights = read_network_config(path)
    config.model.backbone.update({key: None for key in ("init_cfg",) if key in config.model.backbone})
    if "pretrained" in config.model.backbone:
        config.model.backbone.pretrained = False
    with DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build(config.model)
    try:
        load_state_dict(model, weights, strict=True)
    except RuntimeError as error:
        raise InputError(file, "state_dict", "the weights of its config", str(error)[:300]) from error
    model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    return Network(model, config, taxonomy, file)
