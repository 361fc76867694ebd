"""A trained network from its checkpoint alone: weights, config and categories travel together."""

from collections.abc import Iterator
from contextlib import contextmanager
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

from cqb_core.errors import InputError
from cqb_core.plugins import register
from cqb_core.stored_config import stored_config
from cqb_core.taxonomy import Taxonomy
from cqb_core.training.config import CONFIG_ERRORS
from cqb_core.training.plain_checkpoint import fill, load_checkpoint
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
    """Checkpoint file, config (see `stored_config`), classes and weights of a training folder or checkpoint.

    Raises:
        InputError: when it is no checkpoint of this package, or its config holds more than data.
    """
    register()
    file = find_checkpoint(path)
    content = load_checkpoint(file)
    for field in ("config", "categories"):
        if field not in content:
            raise InputError(file, field, "a checkpoint that PlainCheckpointHook has completed", "none")
    taxonomy = Taxonomy.from_json(content["categories"], file)
    config = stored_config(content["config"], file)
    _require_numbers(config, taxonomy, file)
    return file, config, taxonomy, content["state_dict"]


def load_network(path: str | PathLike[str], device: str | None = None) -> Network:
    """Build a trained network.

    Args:
        path: a training folder or a checkpoint.
        device: where to put it; None takes a GPU if there is one.

    Raises:
        InputError: when it is no checkpoint of this package, or its weights do not fit its config.
    """
    file, config, taxonomy, weights = read_network_config(path)
    with building(file), DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build(config.model)
        prepare = Compose(config.test_dataloader.dataset.pipeline)
    fill(model, weights, file)
    model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    return Network(model, config, taxonomy, file, prepare)


@contextmanager
def building(file: Path) -> Iterator[None]:
    """Building from the config of a checkpoint.

    Raises:
        InputError: instead of whatever a part that does not know what to do with its arguments raises.
    """
    try:
        yield
    except InputError:
        raise
    except CONFIG_ERRORS as error:
        got = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise InputError(file, "config", "a network that can be built", got) from error


def _require_numbers(config: Config, taxonomy: Taxonomy, file: Path) -> None:
    """A network whose outputs are not the classes beside it would name things wrongly, or fail at its first image."""
    for field, wanted in (("num_things", taxonomy.num_things), ("num_stuff", taxonomy.num_stuff)):
        found = config.model.get(field, wanted)
        if found != wanted:
            raise InputError(file, f"config.model.{field}", f"{wanted}, as its categories have", found)
