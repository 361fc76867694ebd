"""One method of the comparison: which labels it learns from, and what it changes in a network's config."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cqb_core import Labels

Task = Literal["detection", "semantic", "instance"]


@dataclass(frozen=True)
class Method:
    """What a folder of `cqb_bench.methods` defines as `METHOD`.

    Args:
        name: what `--methods` calls it: its folder, with `-` for `_`.
        title: in tables and plots.
        task: what it is compared on.
        rest: what the images without full labels own.
        source: authors, title, venue and year.
        configure: from a config's content (a plain dict of an mmdet config whose `model.auxiliaries` is empty) to that
            of the network with the method. A copy: the argument stays as it is.
        ours: whether it is a module of CQB-Net.
        registers: modules whose import puts its parts into mmdet's registries.
    """

    name: str
    title: str
    task: Task
    rest: Labels
    source: str
    configure: Callable[[dict[str, Any]], dict[str, Any]]
    ours: bool = False
    registers: tuple[str, ...] = ()


def with_auxiliary(config: dict[str, Any], kind: str, **options: Any) -> dict[str, Any]:
    """A config with one more auxiliary: all that most methods change.

    Args:
        config: its content; not changed.
        kind: registered name of the auxiliary.
        options: arguments that it is built with.
    """
    model = config["model"]
    return {**config, "model": {**model, "auxiliaries": [*model.get("auxiliaries", ()), {"type": kind, **options}]}}
