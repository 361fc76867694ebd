"""A plan as JSON: what cqb-net trains from, and what a later reader checks.

`allocation` maps label sets (P, I, B, S, M, sums such as B+S, none) to shares that sum to 1; `counts` are the whole
images behind them.
"""

import dataclasses
import json
import math
import sys
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from cqb_pareto.atomic import write_atomically
from cqb_pareto.errors import InputError
from cqb_pareto.kinds import parse_kind
from cqb_pareto.plan import Plan

FORMAT = {"format": "cqb-plan", "version": 1}


def write_plan(plan: Plan, path: str | PathLike[str]) -> Path:
    """Write a plan; the file appears whole or not at all. Errors that were not measurable are null."""
    content = _without_nan({**FORMAT, **dataclasses.asdict(plan)})
    return write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_plan(path: str | PathLike[str]) -> Plan:
    """The plan of a file.

    Raises:
        InputError: naming the file and the field that is missing or wrong.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, "file", "a plan as JSON", error) from None
    if not isinstance(content, dict) or any(content.get(key) != value for key, value in FORMAT.items()):
        got = list(content)[:3] if isinstance(content, dict) else type(content).__name__
        raise InputError(path, "format, version", "cqb-plan, 1", got)
    missing = [f.name for f in dataclasses.fields(Plan) if f.name not in content]
    if missing:
        raise InputError(path, missing[0], "the field", "nothing")
    try:
        plan: Plan = _typed(Plan, {**content, "families": _with_nan(content["families"])}, "")
    except _MisfitError as error:
        field, wanted, got = error.args
        raise InputError(path, "fields", f"those of a plan, with {wanted} as {field[1:]}", got) from None
    _check_shares(path, plan)
    return plan


def _check_shares(path: str | PathLike[str], plan: Plan) -> None:
    for field, numbers, most in (("allocation", plan.allocation, 1), ("counts", plan.counts, plan.images)):
        kinds = [parse_kind(kind, str(path), f"{field}.{kind!r}") for kind in numbers]
        if len(set(kinds)) < len(kinds):
            raise InputError(path, field, "each label set once", ", ".join(numbers))
        for kind, number in numbers.items():
            if not 0 <= number <= most:
                raise InputError(path, f"{field}.{kind}", f"a number from 0 to {most}", number)
    if abs(math.fsum(plan.allocation.values()) - 1) > 1e-9:
        raise InputError(path, "allocation", "shares with sum 1", math.fsum(plan.allocation.values()))
    if sum(plan.counts.values()) != plan.images:
        raise InputError(path, "counts", f"a sum of images = {plan.images}", sum(plan.counts.values()))


class _MisfitError(Exception):
    """A value that is not of its field's type: field, what was wanted, what came."""


def _typed(kind: Any, value: Any, field: str) -> Any:
    """A JSON value as the type of a field: a dataclass, list, dict, union with None or text, text or number."""
    outer, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        wanted = _is(dict, value, field, "an object")
        return kind(**{name: _typed(hint, wanted.get(name), f"{field}.{name}") for name, hint in _fields(kind)})
    if outer is dict:
        return {
            key: _typed(inner[1], item, f"{field}.{key}") for key, item in _is(dict, value, field, "an object").items()
        }
    if outer is list:
        return [_typed(inner[0], item, f"{field}[{i}]") for i, item in enumerate(_is(list, value, field, "a list"))]
    for choice in (NoneType, str):
        if choice in inner and isinstance(value, choice):
            return value
    kind = next((choice for choice in inner if choice not in (NoneType, str)), kind)
    if inner:
        return _typed(kind, value, field)
    if kind is str:
        return _is(str, value, field, "text")
    return _number(kind, value, field)


def _fields(kind: Any) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]


def _is(kind: type, value: Any, field: str, wanted: str) -> Any:
    if not isinstance(value, kind):
        raise _MisfitError(field, wanted, "nothing" if value is None else type(value).__name__)
    return value


def _number(kind: type, value: Any, field: str) -> Any:
    """An int or float; NaN can only be one of `_with_nan`. Comparing holds for integers that are no float, too."""
    largest = sys.float_info.max
    if type(value) not in (int, kind) or not (value != value or -largest <= value <= largest):
        wanted = "a whole number" if kind is int else "a number"
        got = "one too large" if type(value) in (int, kind) else type(value).__name__
        raise _MisfitError(field, wanted, "nothing" if value is None else got)
    return kind(value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _with_nan(families: Any) -> Any:
    """Errors of a family that were NaN before they were written."""
    if not isinstance(families, dict):
        return families
    return {
        name: {key: math.nan if value is None else value for key, value in row.items()}
        if isinstance(row, dict)
        else row
        for name, row in families.items()
    }


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
