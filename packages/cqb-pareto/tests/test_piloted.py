from dataclasses import replace

import numpy as np
import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.objectives import Objectives, fit_quality
from cqb_pareto.piloted import Limits, piloted
from cqb_pareto.pilots import check_pilots, paper_pilots
from cqb_pareto.prices import named_prices
from cqb_pareto.study import plan

KINDS = ("P", "I", "B", "S")
TEXT = named_prices("paper-text")


@pytest.fixture(scope="module")
def pilots():
    return paper_pilots()


def limits(quality, pilots, **given):
    return Limits.of(quality, pilots, **given)


def test_the_pilots_bound_every_kind(paper_quality, pilots):
    """Table 2 has P at 0.1, 0.3 and 0.5, and each other kind on the rest."""
    low, high = piloted(paper_quality, pilots)
    assert low.tolist() == [0.1, 0, 0, 0]
    assert high.tolist() == [0.5, 0.9, 0.9, 0.9]
    kept = limits(paper_quality, pilots).bounds
    assert (kept.low.tolist(), kept.high.tolist()) == (low.tolist(), high.tolist())


def test_unlabelled_images_are_bound_by_the_runs_on_full_labels_alone(pilots):
    quality = fit_quality(pilots, (*KINDS, "none"), draws=2)
    low, high = piloted(quality, pilots)
    assert (low[-1], high[-1]) == (0, 1)
    alone = replace(pilots.runs[0], rest="none", share=0.3, run="alone")
    low, high = piloted(quality, check_pilots([*pilots.runs, alone], "more"))
    assert (low[-1], high[-1]) == (0, 0.7)
    everything = replace(alone, share=1.0)
    low, high = piloted(quality, check_pilots([*pilots.runs, everything], "all"))
    assert (low[-1], high[-1]) == (0, 1)


def test_of_two_branches_the_narrower_pilots_count(pilots):
    """Without the runs on stuff at P = 0.1, stuff is piloted from 0.3 on."""
    runs = [p for p in pilots.runs if p.share > 0.1 or p in pilots.having("things")]
    fewer = check_pilots(runs, "fewer")
    assert piloted(fit_quality(fewer, KINDS, draws=2), fewer)[0].tolist() == [0.3, 0, 0, 0]


def test_the_tighter_of_asked_and_piloted_counts(paper_quality, pilots):
    kept = limits(paper_quality, pilots, least={"P": 0.02, "S": 0.1}, most={"P": 0.4, "I": 0.95}).bounds
    assert kept.low.tolist() == [0.1, 0, 0, 0.1]
    assert kept.high.tolist() == [0.4, 0.9, 0.9, 0.9]
    wide = limits(paper_quality, pilots, least={"P": 0.02}, extrapolate=True)
    assert (wide.bounds.low.tolist(), wide.bounds.high.tolist()) == ([0.02, 0, 0, 0], [1, 1, 1, 1])
    assert wide.trivial


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"least": {"P": 0.6}},
            r"minimum P: wanted at most 0.5, the largest piloted share \(table2.csv, row \d+\), got 0.6; pilot",
        ),
        ({"most": {"P": 0.05}}, r"maximum P: wanted at least 0.1, the smallest piloted share \(table2.csv, row 4\)"),
        ({"most": {"I": 0.1, "B": 0.1, "S": 0.1}}, r"maxima of asked and piloted shares: wanted a sum of at least 1"),
        ({"least": {"I": 0.5, "B": 0.45}}, r"a sum of at most 1, else no allocation is left, got 1.05 \(P 0.1, I 0.5,"),
    ],
)
def test_asking_for_what_was_not_piloted(paper_quality, pilots, given, message):
    with pytest.raises(InputError, match=message):
        limits(paper_quality, pilots, **given)
    limits(paper_quality, pilots, extrapolate=True, **given)


def test_a_budget_below_the_pilots_says_what_to_pilot(paper_quality, pilots):
    """0.05 buys P on (0.05 - 0.006) / (1 - 0.006) = 0.0443 of the images beside tags on the others."""
    objectives = Objectives.of(paper_quality, TEXT)
    wanted = (
        r"budget: relative: wanted at least 0.1054 panoptic labels per image, the cost of the cheapest allocation "
        r"inside the piloted shares \(P 0.1, I 0.9\), got 0.05; P was piloted from 0.1 on \(table2.csv, row 4\), and "
        r"this budget buys at most 0.044: pilot P there alone and with I, B, S on the rest, or extrapolate "
        r"\(--extrapolate\)$"
    )
    with pytest.raises(InputError, match=wanted):
        limits(paper_quality, pilots).check_budget(objectives, 0.05)
    limits(paper_quality, pilots).check_budget(objectives, 0.1054)
    limits(paper_quality, pilots, extrapolate=True).check_budget(objectives, 0.05)


def test_a_budget_is_refused_in_its_own_unit(pilots):
    """0.1054 of 1000 panoptic labels of 1104 s are 32.32 hours."""
    with pytest.raises(InputError, match=r"budget: hours: wanted at least 32.32\d* hours \(0.1054 pan.* got 20; P"):
        plan(pilots, TEXT, budget=20.0, unit="hours", images=1000, kinds=KINDS, draws=2)


def test_a_budget_that_no_pilot_can_help(paper_quality, pilots):
    objectives = Objectives.of(paper_quality, TEXT)
    with pytest.raises(InputError, match=r"wanted at least 0.1054 .* got 0.005$"):
        limits(paper_quality, pilots).check_budget(objectives, 0.005)
    with pytest.raises(InputError, match=r"wanted at least 0.006 .* allocation \(I 1\), got 0.005$"):
        limits(paper_quality, pilots, extrapolate=True).check_budget(objectives, 0.005)


def test_an_active_bound_is_named_with_its_source(paper_quality, pilots):
    kept = limits(paper_quality, pilots, most={"B": 0.3})
    said = kept.active(np.array([0.1, 0.6, 0.3, 0.0]))
    assert said == [
        "P stands at its least piloted share, 0.1 (table2.csv, row 4); beyond it the response would be extrapolated. "
        "To see beyond, pilot there, or extrapolate (--extrapolate).",
        "B stands at the largest share that was asked for, 0.3.",
    ]
    assert kept.active(np.array([0.2, 0.6, 0.2, 0.0])) == []
    assert kept.active(np.array([0.1, 0.9, 0.0, 0.0])) == said[:1]
    assert len(kept.active(np.array([0.101, 0.7, 0.199, 0.0]), slack=0.002)) == 1


@pytest.mark.parametrize(("budget", "share"), [(0.107, 0.1), (0.9, 0.5)])
def test_a_plan_stays_inside_unless_told_otherwise(pilots, budget, share):
    inside = plan(pilots, TEXT, budget=budget, kinds=KINDS, draws=10)
    assert inside.allocation["P"] == pytest.approx(share, abs=0.002)
    assert any(note.startswith("P stands at its") and "table2.csv" in note for note in inside.notes)
    assert not any("outside the piloted shares" in note for note in inside.notes)
    outside = plan(pilots, TEXT, budget=budget, kinds=KINDS, draws=10, extrapolate=True)
    assert abs(outside.allocation.get("P", 0.0) - 0.3) > 0.21
    assert outside.pq.mid > inside.pq.mid
    assert any("outside the piloted shares" in note for note in outside.notes)
    assert not any(note.startswith("P stands at its") for note in outside.notes)
