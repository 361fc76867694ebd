"""Configs by name, and fitting one to a data set."""

import ast
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from cqb_core.data.panoptic_files import PanopticSplit
from cqb_core.errors import InputError
from cqb_core.taxonomy import Taxonomy

FOLDER = Path(__file__).parent.parent / "configs"


def config_names() -> list[str]:
    """Names of the configs that come with this package."""
    return sorted(path.stem for path in FOLDER.glob("panoptic-*.py"))


def load_config(config: str | PathLike[str]) -> Config:
    """Read a config by its name in this package or by its path.

    Raises:
        InputError: when there is neither, naming the configs that there are, or when a file is no config.
    """
    named = FOLDER / f"{config}.py"
    path = named if named.is_file() else Path(config)
    if not path.is_file():
        raise InputError(config, "config", f"a file or one of {', '.join(config_names())}", "neither")
    try:
        return Config.fromfile(path, import_custom_modules=False)
    except (SyntaxError, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(path, "config", "an mmengine config", f"{type(error).__name__}: {error}") from error


def fit_to_data(
    config: Config,
    splits: Sequence[PanopticSplit],
    taxonomy: Taxonomy,
    assignment: str | PathLike[str] | None = None,
    skip: Sequence[Sequence[int]] = ((), ()),
) -> None:
    """Point the config's loaders and metric at a data set and give its network the numbers of classes, in place.

    Args:
        config: of a whole experiment.
        splits: to train on, to validate on.
        taxonomy: the classes of both.
        assignment: which image of the train split owns what; None gives every image all labels.
        skip: ids of images to leave out of either split.
    """
    config.model.num_things, config.model.num_stuff = taxonomy.num_things, taxonomy.num_stuff
    labels = None if assignment is None else str(Path(assignment).resolve())
    config.train_dataloader.dataset.update(_files(splits[0]), assignment=labels, skip=list(skip[0]))
    point_at(config, splits[1], skip[1])


def point_at(config: Config, split: PanopticSplit, skip: Sequence[int] = ()) -> None:
    """Let validation and test read `split` without the images of `skip`, in place."""
    for loader, metric in (("val_dataloader", "val_evaluator"), ("test_dataloader", "test_evaluator")):
        config[loader].dataset.update(_files(split), skip=list(skip))
        config[metric].update(ann_file=str(split.annotation_file), seg_prefix=str(split.maps_dir))


def _files(split: PanopticSplit) -> dict[str, Any]:
    prefix = ConfigDict(img=str(split.images_dir.resolve()), seg=str(split.maps_dir.resolve()))
    return {"data_root": "", "ann_file": str(split.annotation_file.resolve()), "data_prefix": prefix}


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Read `key=value` overrides; values are Python literals, anything else is text.

    Raises:
        InputError: naming the pair without a key or a value.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise InputError("--set", repr(pair), "KEY=VALUE such as train_cfg.max_epochs=3", repr(pair))
        options[key] = _literal(value)
    return options


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
