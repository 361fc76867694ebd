"""The options of every verb that makes a plan, and the study that they ask for."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cqb_pareto.cli import options as o

if TYPE_CHECKING:
    import cqb_pareto


def study_of(
    pilots: o.PilotFile,
    prices: o.Prices = "paper-text",
    budget: o.Budget = None,
    target_pq: o.Target = None,
    unit: o.Unit = "relative",
    images: o.Images = 1000,
    times: o.Times = None,
    wage: o.Wage = None,
    currency: o.Currency = "USD",
    review: o.Review = 0.0,
    owned: o.Owned = None,
    kinds: o.Kinds = None,
    least: o.Least = None,
    most: o.Most = None,
    extrapolate: o.Extrapolate = False,
    classes: o.Classes = "80,53",
    model: o.Model = None,
    seed: o.Seed = 0,
) -> "cqb_pareto.Study":
    """The study that the options describe."""
    from cqb_pareto.study import study

    return study(
        o.pilots_of(pilots),
        o.prices_of(prices, times, wage, currency, review, owned),
        budget=budget,
        target_pq=target_pq,
        unit=unit,
        images=images,
        kinds=o.kinds_of(kinds),
        least=o.shares_by_kind(least, "--min"),
        most=o.shares_by_kind(most, "--max"),
        extrapolate=extrapolate,
        weights=o.weights_of(classes),
        family=model,
        seed=seed,
    )


def with_study(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb whose first argument is a study, as a command that has the options of `study_of` before its own."""
    asked = list(inspect.signature(study_of).parameters.values())
    own = list(inspect.signature(verb).parameters.values())[1:]

    def run(**given: Any) -> None:
        verb(study_of(**{p.name: given.pop(p.name) for p in asked}), **given)

    run.__name__, run.__doc__ = verb.__name__, verb.__doc__
    run.__signature__ = inspect.Signature([*asked, *own])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*asked, *own)}
    return run
