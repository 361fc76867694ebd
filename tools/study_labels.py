"""How far off responses are that know what labels label sets share, and those that take label sets as they come.

    hatch run python tools/study_labels.py            # a few seconds; writes the CSV
    hatch run python tools/study_labels.py --table    # put its table into cqb-pareto's README

Judged on allocations left out of the paper's Table 2 and of the pilots on drawn scenes (cqb-net's `results/`), and on
the mixtures of several label sets that were trained there, of which no fit sees any.
"""

import argparse
from collections.abc import Iterator, Sequence
from statistics import mean

import numpy as np
from claim_tables import rows
from readme_tables import markdown, rewrite
from revision import commit
from settings import PACKAGE

from cqb_pareto import Pilots, paper_pilots, read_pilots
from cqb_pareto.atomic import write_atomically
from cqb_pareto.considered import plannable
from cqb_pareto.kinds import NONE
from cqb_pareto.responses import FAMILIES, Family, observe
from cqb_pareto.responses.choose import BY_LABEL, errors

RESULTS = PACKAGE.parent / "cqb-pareto" / "results" / "labels.csv"
SCENES = "drawn scenes"
HEAD = ("pilots", "branch", "response", "form", "left out", "mixtures", "of mixtures", "commit")
COLUMN = {"things": "pq_th", "stuff": "pq_st"}


def main() -> None:
    """Measure, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="put the table of the last results into the README")
    if parser.parse_args().table:
        found = list(rows(RESULTS))
        rewrite(RESULTS.parents[1] / "README.md", lambda name: table(found) if name == "labels" else None)
        return
    tables = {"Table 2": paper_pilots(), SCENES: read_pilots(PACKAGE / "results" / "scenes-table2-pilots.csv")}
    lines = [",".join(HEAD)]
    for name, pilots in tables.items():
        for branch, response, form, left_out, mixtures, missed in measured(pilots, mixed() if name == SCENES else {}):
            lines.append(f"{name},{branch},{response},{form},{left_out:.3f},{mixtures},{missed:.3f},{commit()}")
    write_atomically(RESULTS, "\n".join(lines) + "\n")


def mixed() -> dict[str, dict[str, float]]:
    """Quality (mean over seeds, by column) of the allocations trained on scenes that mix label sets beside P."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows(PACKAGE / "results" / "scenes-trials.csv"):
        labelled = [part for part in row["allocation"].split() if not part.startswith(("P=", f"{NONE}="))]
        if len(labelled) > 1:
            for column in COLUMN.values():
                found.setdefault(row["allocation"], {}).setdefault(column, []).append(float(row[column]))
    return {allocation: {column: mean(of) for column, of in each.items()} for allocation, each in found.items()}


def measured(
    pilots: Pilots, mixtures: dict[str, dict[str, float]]
) -> Iterator[tuple[str, str, str, float, int, float]]:
    """Branch, response, form, root mean square error left out, how many mixtures, root mean square error on those."""
    kinds = [kind for kind in plannable(pilots) if kind != NONE]
    shares = np.array([shares_of(allocation, kinds) for allocation in mixtures]).reshape(-1, len(kinds))
    for branch, column in COLUMN.items():
        seen = observe(pilots, branch, kinds)
        true = np.array([quality[column] for quality in mixtures.values()])
        for family in BY_LABEL:
            forms: dict[str, Family] = {"sets": family, "labels": FAMILIES[family.name]}
            for form, made in forms.items():
                response = made.fit(seen, seen.quality[None], np.ones((1, len(seen.quality))))
                missed = response.predict(shares)[0] - true
                rms = float(np.sqrt(np.mean(missed**2))) if len(missed) else np.nan
                yield branch, family.name, form, errors(seen, made).leave_one_out, len(missed), rms


def shares_of(allocation: str, kinds: Sequence[str]) -> list[float]:
    """`P=0.1 I+B=0.9` as shares of the label sets."""
    named = dict(part.split("=") for part in allocation.split())
    unknown = set(named) - {*kinds, NONE}
    if unknown:
        raise SystemExit(f"{allocation}: no pilots of {', '.join(sorted(unknown))}")
    return [float(named.get(kind, 0.0)) for kind in kinds]


def table(found: Sequence[dict[str, str]]) -> str:
    """A line for each table of pilots, branch and response."""
    lines: dict[tuple[str, str, str], dict[str, dict[str, str]]] = {}
    for row in found:
        lines.setdefault((row["pilots"], row["branch"], row["response"]), {})[row["form"]] = row

    def cells(forms: dict[str, dict[str, str]], what: str) -> list[str]:
        return ["" if forms[form][what] == "nan" else f"{float(forms[form][what]):.2f}" for form in ("sets", "labels")]

    head = ["pilots", "branch", "response", "left out: sets", "labels", "mixtures: sets", "labels"]
    return markdown(head, [[*names, *cells(of, "left out"), *cells(of, "of mixtures")] for names, of in lines.items()])


if __name__ == "__main__":
    main()
