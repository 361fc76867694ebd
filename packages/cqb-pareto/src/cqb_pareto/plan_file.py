"""A plan as JSON: what cqb-net trains from, and what a later reader checks.

`allocation` maps label sets (P, I, B, S, M, sums such as B+S, none) to shares that sum to 1; `counts` are the whole
images behind them.
"""

import dataclasses
import json
import math
from os import PathLike
from pathlib import Path
from typing import Any

from cqb_pareto.atomic import write_atomically
from cqb_pareto.confidence import Band, Probabilities
from cqb_pareto.errors import InputError
from cqb_pareto.kinds import parse_kind
from cqb_pareto.plan import Cost, Fronts, Option, Plan

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
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(path, "file", "a plan as JSON", error) from None
    if not isinstance(content, dict) or any(content.get(key) != value for key, value in FORMAT.items()):
        raise InputError(
            path, "format, version", "cqb-plan, 1", content if not isinstance(content, dict) else list(content)[:3]
        )
    missing = [f.name for f in dataclasses.fields(Plan) if f.name not in content]
    if missing:
        raise InputError(path, missing[0], "the field", "nothing")
    _check_shares(path, content)
    try:
        return _plan(content)
    except (KeyError, TypeError) as error:
        raise InputError(path, "fields", "those of a plan", repr(error)) from None


def _check_shares(path: str | PathLike[str], content: dict[str, Any]) -> None:
    allocation, counts, images = content["allocation"], content["counts"], content["images"]
    for kind in allocation:
        parse_kind(kind, str(path), f"allocation.{kind}")
    if abs(math.fsum(allocation.values()) - 1) > 1e-9:
        raise InputError(path, "allocation", "shares with sum 1", math.fsum(allocation.values()))
    if sum(counts.values()) != images:
        raise InputError(path, "counts", f"a sum of images = {images}", sum(counts.values()))


def _plan(content: dict[str, Any]) -> Plan:
    cost = content["cost"]
    money = None if cost["money"] is None else Band(**cost["money"])
    options = [Option(o["allocation"], o["cost"], Band(**o["pq"])) for o in content["runners_up"]]
    fields = {f.name: content[f.name] for f in dataclasses.fields(Plan)}
    families = {
        branch: {key: math.nan if value is None else value for key, value in family.items()}
        for branch, family in content["families"].items()
    }
    return Plan(
        **{
            **fields,
            "pq": Band(**content["pq"]),
            "cost": Cost(Band(**cost["relative"]), Band(**cost["hours"]), money, cost["currency"]),
            "probabilities": Probabilities(**content["probabilities"]),
            "runners_up": options,
            "fronts": Fronts(**content["fronts"]),
            "families": families,
        }
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
