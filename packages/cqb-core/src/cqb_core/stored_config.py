"""The config in a checkpoint as data: what evaluation and prediction need of it, and nothing that runs code.

mmengine and mmcv turn words of a config into code in many places: `type="os.system"` is imported and called, `_scope_`
and `default_scope` import `SCOPE.registry`, mmcv evaluates the `type` of an NMS as Python, mmdet that of a camera
motion; data sets, teachers and initialisations unpickle files that they are given by name or address. So of a stored
config only the network, the test pipeline and the metric are kept, parts must be registered with mmdet by installed
packages, and every other text must be a word.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from os import PathLike
from reprlib import repr as brief
from typing import Any

import mmcv.ops
import mmdet.registry
import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry

from cqb_core import configs
from cqb_core.errors import InputError
from cqb_core.quiet import hushed
from cqb_core.training.config import require_sections

KEPT = ("model", "val_dataloader", "test_dataloader", "val_evaluator", "test_evaluator", "val_cfg", "test_cfg")
"""Sections of a stored config; all others are those of a new run of this package."""

OF_THE_DATA = {
    "dataset": frozenset({"ann_file", "assignment", "data_prefix", "data_root", "skip"}),
    "val_evaluator": frozenset({"ann_file", "seg_prefix"}),
    "test_evaluator": frozenset({"ann_file", "seg_prefix"}),
}
"""Entries that point into the data set of the training, by the section that has them; a new data set replaces them."""

WORD = re.compile(r"[\w +-]*", re.ASCII)
"""Texts without a dot, slash, colon, quote or parenthesis name no file, no address and no call."""

OF_A_FILE = re.compile(r"(?:.*_)?(?:ckpt|checkpoint|config|dir|file|path|prefix|root|url|weights)")
"""Keys whose text is the name of something to load."""

SCOPES = ("mmdet", "mmengine", "mmcv")

DEPTH = 50
"""Levels of a config; those of this package have 9."""


def stored_config(raw: Any, where: str | PathLike[str]) -> Config:
    """The config of a checkpoint, ready to build a network and to evaluate it.

    Initial weights are not asked for, since those of the checkpoint replace them.

    Args:
        raw: what the checkpoint holds under `config`.
        where: the checkpoint, for complaints.

    Raises:
        InputError: naming the entry that is no plain value, names a part that is not registered, or could make a
            library load or run something.
    """
    if not isinstance(raw, Mapping):
        raise InputError(where, "config", "a config as a dict", type(raw).__name__)
    require_sections(raw, where)
    kept = {name: _plain(raw[name], where, f"config.{name}", name, DEPTH) for name in KEPT if name in raw}
    runtime = Config.fromfile(configs.path("_base_/runtime"), import_custom_modules=False)
    return Config({**runtime.to_dict(), **kept})


def _plain(value: Any, where: str | PathLike[str], field: str, key: str, depth: int) -> Any:
    if depth == 0:
        raise InputError(where, field, f"at most {DEPTH} levels", "more")
    if isinstance(value, Mapping):
        return dict(_entries(value, where, field, key, depth))
    if isinstance(value, list | tuple):
        items = [_plain(item, where, f"{field}[{place}]", key, depth - 1) for place, item in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        raise InputError(where, field, "a number, a word, a list or a dict", type(value).__name__)
    if OF_A_FILE.fullmatch(key) or not WORD.fullmatch(value):
        raise InputError(where, field, "a word, which a library cannot load or run", brief(value))
    return value


def _entries(
    value: Mapping[Any, Any], where: str | PathLike[str], field: str, name: str, depth: int
) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if not isinstance(key, str):
            raise InputError(where, field, "keys that are text", brief(key))
        if key == "init_cfg" or key in OF_THE_DATA.get(name, ()):
            continue
        place = f"{field}.{key}"
        if key == "pretrained":
            yield key, False if isinstance(inner, bool) else None
        elif key == "_scope_":
            yield key, _one_of(inner, SCOPES, where, place, f"one of {', '.join(SCOPES)}")
        elif key == "type":
            yield key, _one_of(inner, registered(), where, place, "a name from mmdet's registries")
        else:
            yield key, _plain(inner, where, place, key, depth - 1)


def _one_of(value: Any, known: Any, where: str | PathLike[str], field: str, wanted: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise InputError(where, field, wanted, brief(value))
    return value


@cache
def registered() -> frozenset[str]:
    """Names that installed packages have registered with mmdet, mmcv or mmengine, and mmcv's operators."""
    found = [*vars(mmdet.registry).values(), *vars(mmengine.registry).values()]
    names = set(mmcv.ops.__all__)
    for registry in found:
        if isinstance(registry, Registry):
            with hushed():
                registry.import_from_location()
            names.update(registry.module_dict)
    return frozenset(names)
