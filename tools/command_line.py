"""The command line of the tools that train, keep what they measured in a package, and make a README's tables of it."""

import argparse
from collections.abc import Iterable
from pathlib import Path


def verbs(
    description: str | None, names: Iterable[str]
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """A parser with `run NAME --data --out --workers`, `record NAME --out` and `tables`, and the three's own parsers.

    Args:
        description: what `--help` says, as it is.
        names: of the data sets.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="verb", required=True)
    made = {verb: parts.add_parser(verb) for verb in ("run", "record", "tables")}
    for verb in ("run", "record"):
        made[verb].add_argument("name", choices=tuple(names), help="data set")
        made[verb].add_argument("--out", type=Path, required=True, help="folder of the trainings")
    made["run"].add_argument("--data", type=Path, required=True, help="data set in COCO panoptic layout")
    made["run"].add_argument("--workers", type=int, help="trainings at a time")
    return parser, made
