from dataclasses import replace

import pytest

from cqb_pareto.design import first_design, next_pilots, to_csv
from cqb_pareto.errors import InputError
from cqb_pareto.pilots import check_pilots, paper_pilots, read_pilots
from cqb_pareto.prices import named_prices

KINDS = ("P", "I", "B", "S")
TEXT = named_prices("paper-text")


def filled(proposals, tmp_path):
    """The proposals as a pilot table with made-up results."""
    header, *rows = to_csv(proposals).splitlines()
    rows = [row.replace(",,,", f",{40 + i / 10:.1f},{25 + i / 10:.1f},") for i, row in enumerate(rows)]
    path = tmp_path / "done.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_first_design_can_be_read_and_fitted(tmp_path):
    chosen = first_design(KINDS, TEXT, 10, draws=40)
    assert len(chosen) == 10
    pilots = read_pilots(filled(chosen, tmp_path))
    assert set(pilots.kinds) == set(KINDS)
    assert next_pilots(pilots, TEXT, 2, draws=20)


def test_the_next_runs_are_new_and_have_their_baseline():
    pilots = paper_pilots()
    chosen = next_pilots(pilots, TEXT, 6, KINDS, draws=40)
    done = {(p.rest, p.share, p.variant, p.seed) for p in pilots.runs}
    picked = [(p.rest, p.share, p.variant, p.seed) for p in chosen]
    assert done.isdisjoint(picked)
    assert len(set(picked)) == 6
    bases = {(p.rest, p.share) for p in pilots.runs if p.variant == "baseline"}
    for proposal in chosen:
        if proposal.rest == "none":
            bases.add(("none", proposal.share))
        else:
            assert {(proposal.rest, proposal.share), ("none", proposal.share)} & bases
    assert all(p.value >= 0 for p in chosen)


def test_what_cannot_be_bought_is_not_studied():
    """With stuff maps a hundred times dearer than everything, runs on them cannot change a decision."""
    dear = named_prices("paper-text")
    prices = type(dear)("dear", {**dear.prices, "S": type(dear.prices["S"]).per_image("S", 1104.0 * 100, "me", 2026)})
    chosen = next_pilots(paper_pilots(), prices, 6, KINDS, draws=60)
    assert "S" not in {p.rest for p in chosen}


def places(proposals):
    return [(p.rest, p.share) for p in proposals]


def test_exploring_goes_where_nothing_was_piloted_whatever_the_runs_showed():
    runs = paper_pilots().runs
    upside_down = [replace(p, qualities={name: 60 - value for name, value in p.qualities.items()}) for p in runs]
    chosen = next_pilots(paper_pilots(), TEXT, 9, KINDS, draws=20, explored=1.0)
    assert places(chosen[:3]) == [("none", 0.5), ("none", 0.02), ("none", 0.98)]
    assert places(chosen[3:6]) == [("I", 0.98), ("B", 0.98), ("S", 0.98)]
    assert places(chosen[6:]) == [("none", 0.26), ("none", 0.74), ("I", 0.74)]
    assert places(next_pilots(check_pilots(upside_down, "x"), TEXT, 9, KINDS, draws=20, explored=1.0)) == places(chosen)
    mixed = next_pilots(paper_pilots(), TEXT, 9, KINDS, draws=20, explored=0.4)
    assert places(mixed[:4]) == places(chosen[:4])
    assert not set(places(mixed[4:])) & set(places(chosen[4:]))


def test_a_design_repeats_itself():
    assert first_design(KINDS, TEXT, 8, draws=30, seed=4) == first_design(KINDS, TEXT, 8, draws=30, seed=4)


def test_too_few_runs():
    with pytest.raises(InputError, match="design: runs: wanted at least 5 for P, I, B, S, got 3"):
        first_design(KINDS, TEXT, 3)
    with pytest.raises(InputError, match="design: runs: wanted at least 1, got 0"):
        next_pilots(paper_pilots(), TEXT, 0)
    with pytest.raises(InputError, match="design: explored: wanted a part from 0 to 1, got 1.5"):
        next_pilots(paper_pilots(), TEXT, 2, explored=1.5)


@pytest.mark.parametrize(("known", "unsure"), [("I", "B"), ("B", "I")])
def test_the_kind_whose_worth_is_open_is_studied(known, unsure):
    """Of two kinds at one price, the first weak run goes to that with one run, and its runs are worth more."""
    runs = [p for p in paper_pilots().runs if p.rest != unsure or p.variant == "baseline"] + [
        p for p in paper_pilots().runs if p.rest == unsure and p.variant == "module" and p.share == 0.5
    ]
    one_price = {kind: type(TEXT.prices["B"]).per_image(kind, 10.0, "me", 2026) for kind in (known, unsure)}
    even = type(TEXT)("even", {**TEXT.prices, **one_price})
    chosen = next_pilots(check_pilots(runs, "few runs"), even, 4, ("P", "I", "B"), draws=80)
    assert next(p.rest for p in chosen if p.rest != "none") == unsure
    worth = {kind: sum(p.value for p in chosen if p.rest == kind) for kind in (known, unsure)}
    assert worth[unsure] > 1.5 * worth[known]
