"""How often bands of 90 % hold the truth, for the bands as they are made and for other ways to make them.

    python tools/study_bands.py --tables 40 --seed 2026   # about five minutes of a quiet core; goes on where it stopped
    python tools/study_bands.py --table                   # put the tables of the last results into the README

A table has 15 cells (five shares of P alone, with I and with B) of 1, 2, 3 or 5 runs with noise of one point, on a
truth of `pareto_truths` that is drawn for it. It is judged at three allocations like those piloted (P alone, P with I,
P with B, at a share of P between the pilots') and at five that mix all three. All ways see the same tables, and all but
the one that is built in the same bootstraps.
"""

import argparse
import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pareto_truths import TRUTHS, Surface
from readme_tables import markdown, rewrite
from revision import commit

from cqb_pareto import Pilots
from cqb_pareto.atomic import write_atomically
from cqb_pareto.pilots import Pilot
from cqb_pareto.responses import FAMILIES, Errors, Observations, Response, observe, rank, respond
from cqb_pareto.responses.bands import bootstrap
from cqb_pareto.responses.mixing import MIXED, evenness, full_alone
from cqb_pareto.responses.mixture import dealt, stacked

RESULTS = Path(__file__).parents[1] / "packages/cqb-pareto/results/bands.csv"
KINDS = ("P", "I", "B")
SHARES = (0.05, 0.1, 0.2, 0.35, 0.5)
RUNS = (1, 2, 3, 5)
PAIRS, MIXTURES = 3, 5
DRAWS = 100
ENDS = (0.05, 0.95)
HEAD = ("group", "truth", "way", "runs a cell", "tables", "judged at", "held", "standard error", "width")
BUILT_IN = "built in"


@dataclass(frozen=True)
class Fitted:
    """What every way starts from: the errors of the families that fit, their bootstraps, and the noise of a run."""

    tried: tuple[Errors, ...]
    boots: tuple[Response, ...]
    noise: float

    @classmethod
    def of(cls, seen: Observations, runs: int, rng: np.random.Generator) -> "Fitted":
        """`DRAWS` of every family; the noise is that between runs of a cell, one point where there is one run."""
        ones, kept, boots = np.ones((1, len(seen.quality))), [], []
        for errors in rank(seen):
            fit = FAMILIES[errors.family].fit(seen, seen.quality[None], ones)
            if np.isfinite(fit.predict(seen.shares)).all():
                kept.append(errors)
                boots.append(bootstrap(seen, FAMILIES[errors.family], fit, rng, DRAWS))
        cells = [seen.quality[seen.cells == cell] for cell in np.unique(seen.cells)]
        noise = 1.0 if runs == 1 else float(np.sqrt(np.mean([cell.var(ddof=1) for cell in cells])))
        return cls(tuple(kept), tuple(boots), noise)


@dataclass(frozen=True)
class Part:
    """The draws of one family: its errors, their PQ at the places (d r) and at the full labels alone there."""

    errors: Errors
    quality: np.ndarray
    alone: np.ndarray
    noise: float


Weigh = Callable[[Sequence[Errors]], np.ndarray]
Widen = Callable[["Part", np.ndarray, np.random.Generator], np.ndarray]


def by_power(power: float) -> Weigh:
    """1 / score ** power (Bates and Granger, Operational Research Quarterly 20, 1969, take 2)."""
    return lambda tried: np.array([max(errors.score, 0.01) ** -power for errors in tried])


def pseudo_bma(tried: Sequence[Errors]) -> np.ndarray:
    """Pseudo-BMA+ (Yao, Vehtari, Simpson and Gelman, Bayesian Analysis 13, 2018): expected log density of the runs left
    out, with the Bayesian bootstrap over runs.
    """
    missed = np.array([errors.left_out for errors in tried])
    spread = np.sqrt((missed**2).mean(axis=1, keepdims=True))
    density = -np.log(spread) - 0.5 * (missed / spread) ** 2
    n = missed.shape[1]
    log_weights = n * np.random.default_rng(0).dirichlet(np.ones(n), 500) @ density.T
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)


def as_it_is(part: Part, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The bootstrap alone."""
    return part.quality


def jackknife(part: Part, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each draw off by what the family missed of a run left out (Barber et al., Annals of Statistics 49, 2021)."""
    return part.quality - rng.choice(part.errors.left_out, (len(part.quality), 1))


def lack_of_fit(part: Part, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each draw off by a normal number of the variance left out that the noise of a run does not explain."""
    excess = max(part.errors.leave_one_out**2 - part.noise**2, 0.0)
    return part.quality + np.sqrt(excess) * rng.standard_normal((len(part.quality), 1))


def mixing(part: Part, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`responses.mixing`: the gain of mixed weak labels off by a fraction."""
    fraction = MIXED * rng.standard_normal((len(part.quality), 1))
    return part.quality + fraction * evenness(places) * (part.quality - part.alone)


WAYS: dict[str, tuple[Weigh, Widen]] = {
    "1 / error^4": (by_power(4), as_it_is),
    "1 / error^2": (by_power(2), as_it_is),
    "pseudo-BMA+": (pseudo_bma, as_it_is),
    "stacking": (stacked, as_it_is),
    "1 / error^4, jackknife+": (by_power(4), jackknife),
    "1 / error^4, lack of fit": (by_power(4), lack_of_fit),
    "stacking, lack of fit": (stacked, lack_of_fit),
    "1 / error^4, mixing": (by_power(4), mixing),
    "1 / error^2, mixing": (by_power(2), mixing),
}
"""Weights of the families, and what widens their draws. `stacking` with `mixing` is built in, and judged by itself."""


def band(fitted: Fitted, way: str, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ends of the band by one of `WAYS`: 2 x places."""
    weigh, widen = WAYS[way]
    drawn = []
    for errors, boot, count in zip(fitted.tried, fitted.boots, dealt(weigh(fitted.tried), DRAWS), strict=True):
        if count:
            quality, alone = boot.predict(places)[:count], boot.predict(full_alone(places))[:count]
            drawn.append(widen(Part(errors, quality, alone, fitted.noise), places, rng))
    return np.quantile(np.clip(np.concatenate(drawn), 0, 100), ENDS, axis=0)


def judged(
    draw: Callable[[np.random.Generator], Surface], runs: int, seed: Sequence[int]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Of one table: the way, whether each band holds the truth, and its width."""
    rng = np.random.default_rng(seed)
    truth, places = draw(rng), allocations(rng)
    seen = observe(pilots_of(truth, runs, rng), "things", KINDS)
    bands = {BUILT_IN: np.quantile(respond(seen, rng, DRAWS).predict_draws(places), ENDS, axis=0)}
    fitted = Fitted.of(seen, runs, rng)
    bands |= {way: band(fitted, way, places, rng) for way in WAYS}
    for way, (low, high) in bands.items():
        yield way, (low <= truth(places)) & (truth(places) <= high), high - low


def allocations(rng: np.random.Generator) -> np.ndarray:
    """P alone, P and I, P and B, then mixtures of all three; P is between its smallest and its largest share."""
    full, of_rest = rng.uniform(SHARES[0], SHARES[-1], PAIRS + MIXTURES), rng.uniform(0.1, 0.9, PAIRS + MIXTURES)
    weak = np.column_stack([1 - of_rest, of_rest])
    weak[:PAIRS] = [[0, 0], [1, 0], [0, 1]]
    return np.column_stack([full, (1 - full)[:, None] * weak])


def pilots_of(truth: Surface, runs: int, rng: np.random.Generator) -> Pilots:
    """Pilots whose PQ of things is the truth with noise of one point."""
    made = []
    for rest, share, seed in itertools.product(("none", "I", "B"), SHARES, range(runs)):
        labels = np.array([[share, (1 - share) * (rest == "I"), (1 - share) * (rest == "B")]])
        quality = float(np.clip(truth(labels)[0] + rng.standard_normal(), 0.1, 100))
        nan = dict.fromkeys(("pq", "sq", "rq", "sq_th", "rq_th", "pq_st", "sq_st", "rq_st"), np.nan)
        variant = "baseline" if rest == "none" else "module"
        made.append(Pilot("", "P", rest, share, variant, "", seed, 0, {**nan, "pq_th": quality}, 0))
    return Pilots("bands", tuple(made))


def measure(tables: int, seed: int) -> None:
    """Append the rows of each truth and number of runs that are not there yet."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else ",".join((*HEAD, "seed", "commit")) + "\n"
    there = {(row["truth"], row["runs a cell"]) for row in csv.DictReader(text.splitlines())}
    revision = commit()
    numbered = enumerate((group, name, draw) for group, forms in TRUTHS.items() for name, draw in forms.items())
    for (number, (group, name, draw)), runs in itertools.product(numbered, RUNS):
        if (name, str(runs)) in there:
            continue
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for table in range(tables):
            for way, held, width in judged(draw, runs, [seed, number, runs, table]):
                for at, part in (("pairs", slice(PAIRS)), ("mixtures", slice(PAIRS, None))):
                    found.setdefault((way, at), []).append((held[part].mean(), width[part].mean()))
        for (way, at), values in found.items():
            held, width = np.mean(values, axis=0)
            error = np.std([value[0] for value in values]) / np.sqrt(tables)
            row = [group, name, f'"{way}"', runs, tables, at, f"{held:.3f}", f"{error:.3f}", f"{width:.2f}"]
            text += ",".join(map(str, [*row, seed, revision])) + "\n"
        write_atomically(RESULTS, text)
        print(name, runs, flush=True)


def table_of_truths(rows: Sequence[dict[str, str]]) -> str:
    """The bands that are built in: coverage, its standard error and the width by truth, place and number of runs."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for row in sorted(rows, key=lambda row: int(row["runs a cell"])):
        if row["way"] == BUILT_IN:
            cell = f"{float(row['held']):.2f} ± {float(row['standard error']):.2f} ({float(row['width']):.1f})"
            lines.setdefault((row["group"], row["truth"], row["judged at"]), []).append(cell)
    head = ["truth has", "truth", "judged at", *(f"{n} a cell" for n in RUNS)]
    return markdown(head, [[*names, *lines[names]] for names in lines])


def table_of_ways(rows: Sequence[dict[str, str]]) -> str:
    """Every way: mean coverage and width over truths and numbers of runs, and the smallest of a truth."""
    lines = []
    for way, at in itertools.product((BUILT_IN, *WAYS), ("mixtures", "pairs")):
        cells = []
        for group in TRUTHS:
            own = [row for row in rows if (row["way"], row["group"], row["judged at"]) == (way, group, at)]
            held, width = (np.mean([float(row[name]) for row in own]) for name in ("held", "width"))
            least = min(np.mean([float(r["held"]) for r in own if r["truth"] == truth]) for truth in TRUTHS[group])
            cells.append(f"{held:.2f}, at least {least:.2f} ({width:.1f})")
        lines.append([way, at, *cells])
    return markdown(["way", "judged at", *TRUTHS], lines)


def main() -> None:
    """Measure, or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=40, help="of each truth and number of runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="put the tables of the last results into the README")
    options = parser.parse_args()
    if not options.table:
        measure(options.tables, options.seed)
        return
    rows = list(csv.DictReader(RESULTS.read_text("utf-8").splitlines()))
    tables = {"bands": lambda: table_of_truths(rows), "bands-ways": lambda: table_of_ways(rows)}
    rewrite(RESULTS.parents[1] / "README.md", lambda name: tables[name]() if name in tables else None)


if __name__ == "__main__":
    main()
