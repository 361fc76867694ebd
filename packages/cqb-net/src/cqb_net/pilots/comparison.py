"""Table 2 from the table of pilots: what each module adds to its baseline, and what its upper bound leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean

from rich.table import Table
from scipy.stats import ttest_rel

from cqb_net.pilots.protocol import ROWS, VARIANTS, TableRow, Variant
from cqb_pareto import Pilots

Cell = tuple[float, int]
"""Share of panoptic labels, and seed."""


@dataclass(frozen=True)
class Test:
    """A paired comparison over shares and seeds.

    Args:
        pairs: how many.
        difference: mean, in points of PQ.
        p: of a one-sided paired t-test that the true mean is not above 0; None for fewer than two pairs, or for pairs
            that all differ alike.
    """

    pairs: int
    difference: float
    p: float | None


@dataclass(frozen=True)
class Comparison:
    """One row of Table 2.

    Args:
        row: which.
        found: PQ in points over the row's branch, for each variant by share and seed.
    """

    row: TableRow
    found: Mapping[Variant, Mapping[Cell, float]]

    @property
    def shares(self) -> list[float]:
        """Shares that have a run of every variant, ascending."""
        each = [{share for share, _ in self.found[variant]} for variant in VARIANTS]
        return sorted(set.intersection(*each))

    def mean(self, variant: Variant, share: float) -> float:
        """Over the seeds, in points."""
        return mean(value for (at, _), value in self.found[variant].items() if at == share)

    def test(self, better: Variant, worse: Variant) -> Test | None:
        """Whether one variant is above another; None without a pair."""
        cells = sorted(set(self.found[better]) & set(self.found[worse]))
        if not cells:
            return None
        pairs = [(self.found[better][cell], self.found[worse][cell]) for cell in cells]
        differences = [high - low for high, low in pairs]
        varied = len(set(differences)) > 1
        p = float(ttest_rel(*zip(*pairs, strict=True), alternative="greater").pvalue) if varied else None
        return Test(len(pairs), mean(differences), p)


def compare(pilots: Pilots) -> list[Comparison]:
    """The rows of Table 2 of which a table of pilots has runs, in the order of the paper."""
    made = []
    for row in ROWS:
        found: dict[Variant, dict[Cell, float]] = {variant: {} for variant in VARIANTS}
        for variant in VARIANTS:
            for run in pilots.having(row.branch):
                if (run.module, run.variant) == (row.name, variant):
                    found[variant][run.share, run.seed] = run.quality(row.branch)
        if any(found.values()):
            made.append(Comparison(row, found))
    return made


HEAD = ("module", "rest", "PQ of", "P", "baseline", "module on", "upper bound", "gain", "p", "above upper bound", "p")


def lines(comparisons: list[Comparison]) -> list[list[str]]:
    """A line a share, and one over all shares with the tests, in the columns of `HEAD`."""
    made = []
    for each in comparisons:
        start = [each.row.name, f"{each.row.rest.short} ({each.row.upper.short})", each.row.branch]
        for share in each.shares:
            base, module, upper = (each.mean(variant, share) for variant in VARIANTS)
            points = [f"{value:.1f}" for value in (base, module, upper)]
            made.append([*start, f"{share:g}", *points, f"{module - base:+.1f}", "", f"{module - upper:+.1f}", ""])
        tests = [each.test("module", worse) for worse in ("baseline", "upper")]
        if each.shares:
            made.append([*start, "all", "", "", "", *(cell for test in tests for cell in _cells(test))])
    return made


def table(comparisons: list[Comparison]) -> Table:
    """The lines for a terminal."""
    made = Table(*HEAD, title="Table 2 of these pilots: PQ in points, means over seeds; p of one-sided paired t-tests")
    for line in lines(comparisons):
        made.add_row(*line, end_section=line[3] == "all")
    return made


def _cells(test: Test | None) -> list[str]:
    if test is None:
        return ["", ""]
    return [f"{test.difference:+.1f} ({test.pairs})", "" if test.p is None else f"{test.p:.2g}"]
