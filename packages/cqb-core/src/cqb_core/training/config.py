"""Configs by name, overriding their entries, and fitting one to a data set.

mmengine configs are Python, and reading one runs it. By name only the configs of installed packages are found; any
other file needs the caller's word that it may run.
"""

import ast
import copy
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from cqb_core.data.panoptic_files import PanopticSplit
from cqb_core.errors import InputError
from cqb_core.plugins import config_files
from cqb_core.taxonomy import Category, Taxonomy

SECTIONS = ("model", "train_dataloader", "val_dataloader", "test_dataloader", "val_evaluator", "test_evaluator")
"""What a config must have to be fitted to a data set."""

CONFIG_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What reading a Python file that is no config, or building from a broken one, raises."""


def config_names() -> list[str]:
    """Names of the configs that come with this package and with the packages that plug into it."""
    return sorted(config_files())


def load_config(config: str | PathLike[str] | Config, trust_config: bool = False) -> Config:
    """Read a config by its name (`config_names`) or by its path.

    Args:
        config: name or path, a name of an installed config comes first; one that was read is copied.
        trust_config: read a file that no installed package brought. Its code runs, with all that you may do.

    Raises:
        InputError: when there is neither, naming the configs that there are; when a file is not trusted, before
            anything of it runs; when a file is no config.
    """
    if isinstance(config, Config):
        return copy.deepcopy(config)
    path = config_files().get(str(config))
    if path is None:
        path = _config_at(Path(config), trust_config)
    try:
        made = Config.fromfile(path, import_custom_modules=False)
    except CONFIG_ERRORS as error:
        raise InputError(path, "config", "an mmengine config", f"{type(error).__name__}: {error}") from error
    require_sections(made, path)
    return made


def _config_at(path: Path, trust_config: bool) -> Path:
    if not path.is_file():
        got = "neither" + meant(str(path), config_names())
        raise InputError(path, "config", f"a file or one of {', '.join(config_names())}", got)
    if not trust_config:
        wanted = f"one of {', '.join(config_names())}, or --trust-config (trust_config=True)"
        raise InputError(
            path, "config", wanted, "a file, which is not read since a config is Python: its code would run"
        )
    return path


def require_sections(config: Config | Mapping[str, Any], where: str | PathLike[str]) -> None:
    """Check that a config describes a whole experiment.

    Raises:
        InputError: naming the sections that it lacks.
    """
    missing = [name for name in SECTIONS if not isinstance(config.get(name), Mapping)]
    if missing:
        wanted = f"a whole experiment ({', '.join(SECTIONS)})"
        raise InputError(where, "config", wanted, f"one without {', '.join(missing)}")


def meant(word: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` when a known word looks like this one, else nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


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


def require_same_classes(found: Taxonomy, wanted: Taxonomy, where: str | PathLike[str], whose: str) -> None:
    """Check that two taxonomies have the same categories in the same order, whatever their colours.

    Raises:
        InputError: naming the first category that differs.
    """
    found_names, wanted_names = (list(map(_described, taxonomy.categories)) for taxonomy in (found, wanted))
    if len(found_names) != len(wanted_names):
        more = ", ".join(found_names[:3])
        raise InputError(where, "categories", f"the {len(wanted_names)} of {whose}", f"{len(found_names)}: {more}, ...")
    for found_name, wanted_name in zip(found_names, wanted_names, strict=True):
        if found_name != wanted_name:
            raise InputError(where, "categories", f"those of {whose}, such as {wanted_name}", found_name)


def _described(category: Category) -> str:
    return f"{category.id} {category.name!r} ({'thing' if category.isthing else 'stuff'})"


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Read `key=value` overrides; values are Python literals, anything else is text.

    Raises:
        InputError: naming the pair without a key or a value.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise InputError("--set", repr(pair), "KEY=VALUE such as train_dataloader.batch_size=8", repr(pair))
        options[key] = _literal(value)
    return options


def override(config: Config, options: Mapping[str, Any]) -> None:
    """Set entries of a config, in place.

    Args:
        config: any.
        options: from dotted keys to values. The last word of a key may be new, the others must exist.

    Raises:
        InputError: naming a key that leads nowhere, or whose last word looks like a misspelling of one that exists.
    """
    for key in options:
        *path, last = key.split(".")
        place: Any = config
        for word in path:
            place = _entry(place, word, key)
        known = _words(place)
        # Below the top a new word is fine: an argument that the config leaves at its default.
        close = get_close_matches(last, known, n=1, cutoff=0.85) if path else known
        if last not in known and (close or not known):
            raise InputError("--set", key, "an entry of the config", repr(last) + meant(last, known))
    config.merge_from_dict(dict(options))


def _entry(place: Any, word: str, key: str) -> Any:
    known = _words(place)
    if word not in known:
        raise InputError("--set", key, "an entry of the config", repr(word) + meant(word, known))
    return place[int(word)] if isinstance(place, list | tuple) else place[word]


def _words(place: Any) -> list[str]:
    """What may follow in a dotted key."""
    if isinstance(place, list | tuple):
        return [str(index) for index in range(len(place))]
    return [str(key) for key in place] if isinstance(place, Mapping | Config) else []


def _literal(text: str) -> Any:
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
