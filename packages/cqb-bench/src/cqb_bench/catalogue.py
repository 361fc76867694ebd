"""The methods that there are: every folder of `cqb_bench.methods`. Importing them is quick, none imports torch."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import cqb_bench.methods
from cqb_bench.method import Method


@cache
def methods() -> tuple[Method, ...]:
    """All methods, in the order of their folders.

    Raises:
        TypeError: naming a folder that defines no `METHOD`, or one of another name.
    """
    return tuple(_method(found.name) for found in iter_modules(cqb_bench.methods.__path__))


def _method(folder: str) -> Method:
    method = getattr(import_module(f"{cqb_bench.methods.__name__}.{folder}"), "METHOD", None)
    wanted = folder.replace("_", "-")
    if not isinstance(method, Method) or method.name != wanted:
        raise TypeError(f"methods/{folder}: wanted a METHOD of the name {wanted!r}, got {method!r}")
    return method


def registered(of: Sequence[Method] | None = None) -> list[str]:
    """Modules to import so that mmdet knows the parts of some methods, or of all, each once."""
    return list(dict.fromkeys(module for method in (methods() if of is None else of) for module in method.registers))
