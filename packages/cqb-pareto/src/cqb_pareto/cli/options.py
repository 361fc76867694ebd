"""Options that several verbs share, and their reading."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cqb_pareto.errors import InputError

if TYPE_CHECKING:
    import cqb_pareto.objectives
    import cqb_pareto.pilots
    import cqb_pareto.prices

PilotFile = Annotated[Path, typer.Argument(help="CSV of pilot runs, or the word `table2` for the paper's own.")]
Prices = Annotated[str, typer.Option(help="paper-text, paper-table1, or a CSV of prices.")]
Times = Annotated[Path | None, typer.Option(help="CSV of times from a labelling tool, instead of --prices.")]
Wage = Annotated[float | None, typer.Option(help="Money per hour of labelling.")]
Currency = Annotated[str, typer.Option(help="What the wage is in.")]
Review = Annotated[float, typer.Option(help="Checking, as a share of labelling time.")]
Owned = Annotated[list[str] | None, typer.Option(help="Labels that are there already, as B=0.4 (a share). Repeat it.")]
Kinds = Annotated[
    str | None,
    typer.Option(help="Label sets to consider, as P,I,B,none; the full one first. By default those piloted."),
]
Least = Annotated[list[str] | None, typer.Option("--min", help="Least share of a label set, as P=0.1. Repeat it.")]
Most = Annotated[list[str] | None, typer.Option("--max", help="Largest share of a label set, as S=0.3. Repeat it.")]
Extrapolate = Annotated[
    bool, typer.Option("--extrapolate", help="Search outside the piloted shares as well, where responses are guesses.")
]
Classes = Annotated[str, typer.Option(help="Numbers of thing and stuff classes, or a COCO panoptic JSON file.")]
Budget = Annotated[float | None, typer.Option(help="What may be spent, in --unit.")]
Target = Annotated[float | None, typer.Option("--target-pq", help="The PQ to reach at the lowest cost, in points.")]
Unit = Annotated[str, typer.Option(help="Unit of the budget: relative, images, hours or money.")]
Images = Annotated[int, typer.Option(help="How many images there are.")]
Model = Annotated[
    str | None, typer.Option(help="power, diminishing, log, log-additive or cubic, instead of the automatic choice.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the bootstrap and the solver.")]


def shares_by_kind(words: list[str] | None, option: str) -> dict[str, float]:
    """`["B=0.4"]` as a mapping.

    Raises:
        InputError: naming the option and the word.
    """
    from cqb_pareto.kinds import parse_kind

    shares = {}
    for word in words or []:
        kind, _, share = word.partition("=")
        try:
            shares[parse_kind(kind, option, repr(word))] = float(share)
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(option, repr(word), "a label set and a share, as B=0.4", repr(share)) from None
    return shares


def prices_of(
    prices: str, times: Path | None, wage: float | None, currency: str, review: float, owned: list[str] | None
) -> "cqb_pareto.prices.PriceList":
    """The price list that the options describe."""
    from cqb_pareto.measured import read_times
    from cqb_pareto.prices import load_prices

    listed = load_prices(prices) if times is None else read_times(times)
    return listed.with_terms(wage, currency, review, shares_by_kind(owned, "--owned"))


def kinds_of(kinds: str | None) -> tuple[str, ...] | None:
    """`P,I,B` as names."""
    from cqb_pareto.kinds import parse_kind

    return None if kinds is None else tuple(parse_kind(kind, "--kinds", repr(kinds)) for kind in kinds.split(","))


def weights_of(classes: str) -> "cqb_pareto.objectives.ClassWeights":
    """`80,53`, or a file of categories."""
    from cqb_pareto.objectives import ClassWeights

    numbers = classes.split(",")
    if len(numbers) == 2 and all(number.strip().isdigit() for number in numbers):
        return ClassWeights.of(int(numbers[0]), int(numbers[1]))
    return ClassWeights.from_categories(classes)


def pilots_of(path: Path) -> "cqb_pareto.pilots.Pilots":
    """The pilots of a file, or the paper's Table 2 for the word `table2`."""
    from cqb_pareto.pilots import paper_pilots, read_pilots

    return paper_pilots() if str(path) == "table2" else read_pilots(path)
