"""The paper's tables beside what its equations give: what reproduces, and what does not.

"How to Save your Annotation Cost for Panoptic Segmentation?" (Du et al., AAAI 2021), Tables 1 and 2, Eqs. 2 and 6-9.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from jaxtyping import Bool, Float

from cqb_pareto.ceiling import ceiling
from cqb_pareto.front import nondominated
from cqb_pareto.objectives import ClassWeights, cost_of, fit_quality
from cqb_pareto.pilots import Pilots, paper_pilots
from cqb_pareto.prices import named_prices
from cqb_pareto.responses import FAMILIES, Observations, observe, rank
from cqb_pareto.responses.cubic import integrate
from cqb_pareto.responses.interacting import fit_interacting
from cqb_pareto.responses.interpolated import interpolated
from cqb_pareto.responses.mixture import stacked
from cqb_pareto.simplex import Shares
from cqb_pareto.tables import Row, parse_rows

KINDS = ("P", "I", "B", "S")
READINGS = ("evaluated", "integrated")

Values = Float[np.ndarray, " r"]


@dataclass(frozen=True)
class Table1:
    """Table 1, right: allocations over P, I, B, S, the PQ that was measured, and the printed f1 (NaN for O7) and f2."""

    names: tuple[str, ...]
    shares: Float[np.ndarray, "r 4"]
    pq: Values
    f1: Values
    f2: Values

    @property
    def optimal(self) -> Bool[np.ndarray, " r"]:
        """The rows that the paper chose from its front (O1 to O7)."""
        return np.array([name.startswith("O") for name in self.names])


@dataclass(frozen=True)
class Ranking:
    """How well a prediction orders the measured PQ: Spearman's correlation over rows of Table 1.

    Attributes:
        all14: every row; NaN for the paper's f1, which has no value for O7.
        all13: the rows that have an f1.
        optimal, chance: the rows O1-O7 (O1-O6 for f1) and R1-R7 by themselves.
    """

    model: str
    all14: float
    all13: float
    optimal: float
    chance: float


@dataclass(frozen=True)
class Gain:
    """A comparison of Table 2: module / baseline - 1 (Eq. 6), upper / baseline - 1, and the run's costs (Eq. 2)."""

    module: str
    branch: str
    share: float
    baseline: float
    with_module: float
    upper: float
    costs: list[float]
    printed: list[float]

    @property
    def gain(self) -> float:
        """Eq. 6."""
        return self.with_module / self.baseline - 1


@cache
def table1() -> Table1:
    """Table 1, right."""
    rows = _rows("table1.csv", ["name", *KINDS, "pq", "f1", "f2"])
    shares = np.array([[row.number_in(kind, 0.0, 1.0) for kind in KINDS] for row in rows])
    pq, f1, f2 = (np.array([row.number_in(c, 0.0, 100.0, np.nan) for row in rows]) for c in ("pq", "f1", "f2"))
    return Table1(tuple(row.text("name") for row in rows), shares, pq, f1, f2)


def costs(price_list: str) -> Values:
    """Eq. 2's cost of every row of Table 1 under a named price list."""
    return cost_of(table1().shares, named_prices(price_list).relative(KINDS))


def undominated(price_list: str) -> Bool[np.ndarray, " r"]:
    """Which O rows no other O row dominates, by Eq. 2's cost and the measured PQ; R rows are False."""
    table = table1()
    mask = np.zeros(len(table.names), dtype=bool)
    chosen = np.flatnonzero(table.optimal)
    mask[chosen] = nondominated(costs(price_list)[chosen], table.pq[chosen])
    return mask


@cache
def equation8() -> tuple[tuple[str, str, tuple[float, ...]], ...]:
    """Eq. 8 as printed: kind, branch and c_0 to c_3 of each line, subscripts included."""
    rows = _rows("eq8.csv", ["line", "kind", "branch", "c0", "c1", "c2", "c3"])
    ends = (-np.inf, np.inf)
    return tuple(
        (row.text("kind"), row.text("branch"), tuple(row.number_in(f"c{i}", *ends) for i in range(4))) for row in rows
    )


def equation9(reading: str) -> Values:
    """f1 of Table 1's rows from Eq. 8 through Eq. 9, its lines taken as D (`evaluated`) or as f of Eq. 7
    (`integrated`).
    """
    shares = table1().shares
    f1 = np.ones(len(shares))
    for kind, _, coefficients in equation8():
        polynomial = np.asarray(coefficients)
        polynomial = integrate(polynomial) if reading == "integrated" else polynomial
        f1 *= 1 + np.polynomial.polynomial.polyval(shares[:, KINDS.index(kind)], polynomial)
    return f1


def gains(price_list: str = "paper-text") -> list[Gain]:
    """Table 2 as ratios, each with the costs that Eq. 2 gives and those that are printed."""
    pilots, prices = paper_pilots(), named_prices(price_list)
    printed = {row.text("run"): row.number_in("cost", 0.0, 1.0) for row in _rows("table2-costs.csv", ["run", "cost"])}
    found = []
    for base in (pilot for pilot in pilots.runs if pilot.variant == "baseline"):
        branch = "things" if base in pilots.having("things") else "stuff"
        runs = {p.variant: p for p in pilots.runs if (p.module, p.share) == (base.module, base.share)}
        order = [runs[variant] for variant in ("baseline", "module", "upper")]
        cost = [float(np.dot((p.share, 1 - p.share), prices.relative((p.full, p.rest)))) for p in order]
        low, middle, high = (p.quality(branch) for p in order)
        names = [printed[p.run] for p in order]
        found.append(Gain(base.module, branch, base.share, low, middle, high, cost, names))
    return found


def predictions(pilots: Pilots | None = None, families: Sequence[str] = tuple(FAMILIES)) -> dict[str, Values]:
    """Predicted PQ in points of Table 1's rows, from Table 2 alone: by each family, by the automatic choice, and by
    three more for comparison: kinds that interact, families combined as in bands, and plain interpolation.
    """
    pilots = pilots or paper_pilots()
    shares, weights = table1().shares, ClassWeights.of()
    choices: list[tuple[str, str | None]] = [*((name, name) for name in families), ("automatic", None)]
    found = {label: fit_quality(pilots, KINDS, draws=2, family=family).predict(shares) for label, family in choices}
    others: dict[str, Callable[[Observations], Values]] = {
        "interacting": lambda seen: fit_interacting(seen).predict(shares),
        "stacked": lambda seen: _stacked(seen, shares),
        "interpolated": lambda seen: interpolated(seen, shares),
    }
    for label, predict in others.items():
        parts = [weights.of_branch(name) * predict(observe(pilots, name, KINDS)) for name in pilots.branches]
        found[label] = np.sum(parts, axis=0)
    return found


def _stacked(seen: Observations, shares: Shares) -> Values:
    """The families by their weights in bands."""
    tried, once = rank(seen), np.ones((1, len(seen.quality)))
    fits = [FAMILIES[errors.family].fit(seen, seen.quality[None], once).predict(shares)[0] for errors in tried]
    return np.asarray(stacked(tried) @ fits)


@cache
def rankings() -> list[Ranking]:
    """The paper's f1 and every prediction against the measured PQ, the best over 13 rows first."""
    table = table1()
    scores = [_rank("f1 as printed", table.f1)]
    scores += [_rank(f"Eq. 8, {reading}, Eq. 9", equation9(reading)) for reading in READINGS]
    scores += [_rank(name, predicted) for name, predicted in predictions().items()]
    return sorted(scores, key=lambda score: -score.all13)


@cache
def highest() -> Ranking:
    """What no response that never falls with richer labels can exceed (`ceiling`), over the rows of a `Ranking`."""
    table = table1()
    chosen = (table.optimal | True, ~np.isnan(table.f1), table.optimal, ~table.optimal)
    bounds = (ceiling(table.shares[rows], table.pq[rows]) for rows in chosen)
    return Ranking("highest of any that rises with labels", *bounds)


def spearman(a: Values, b: Values) -> float:
    """Spearman's rank correlation, ties sharing their mean rank."""
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _rank(model: str, predicted: Values) -> Ranking:
    table = table1()
    known, printed = ~np.isnan(predicted), ~np.isnan(table.f1)

    def over(rows: Bool[np.ndarray, " r"]) -> float:
        return spearman(predicted[rows], table.pq[rows])

    return Ranking(
        model,
        over(known) if known.all() else float("nan"),
        over(known & printed),
        over(known & table.optimal),
        over(known & ~table.optimal),
    )


def _rows(name: str, columns: list[str]) -> list[Row]:
    text = (resources.files("cqb_pareto") / "data" / name).read_text(encoding="utf-8")
    return parse_rows(text, name, columns)
