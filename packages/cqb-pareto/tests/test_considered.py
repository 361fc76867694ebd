"""Which label sets a plan considers, and whether it says which ones the pilots did worse with."""

import pytest

from cqb_pareto.considered import Setback, considered, plannable, setbacks
from cqb_pareto.objectives import ClassWeights
from cqb_pareto.pilots import read_pilots
from cqb_pareto.prices import named_prices
from cqb_pareto.report.words import plan_lines
from cqb_pareto.study import plan

ALONE = [(0.1, 20.0, 40.0), (0.5, 30.0, 60.0)]
PAIR = (("baseline", 30), ("module", 25))
WEIGHTS = ClassWeights.of(10, 7)


@pytest.fixture
def table(tmp_path):
    """A function from gains of weak labels, by kind, in things and stuff at 0.1 and 0.5, to a table of pilots."""

    def write(**gains):
        rows = ["full,rest,share,variant,seed,pq_th,pq_st"]
        rows += [f"P,none,{share},baseline,0,{things},{stuff}" for share, things, stuff in ALONE]
        for kind, of_kind in gains.items():
            for (share, things, stuff), (on_things, on_stuff) in zip(ALONE, of_kind, strict=True):
                rows.append(f"P,{kind},{share},module,0,{things + on_things},{stuff + on_stuff}")
        path = tmp_path / "pilots.csv"
        path.write_text("\n".join(rows) + "\n")
        return read_pilots(path)

    return write


def test_labels_that_are_behind_everywhere_are_named_with_how_much(table):
    pilots = table(B=[(-2, -4), (-6, -8)], I=[(-1, 3), (1, 1)], S=[(0.5, 5), (0.5, 2)])
    assert setbacks(pilots, plannable(pilots)) == [Setback("B", {"things": 4.0, "stuff": 6.0}, 4)]
    assert considered(pilots) == ("P", "I", "S", "none")


def behind(end):
    return [
        f"Runs with B on the rest are {(10 * 4 + 7 * 6) / 17:.1f} points of PQ below those with P alone, in each of 4 "
        f"comparisons: here these labels cost more than they teach, {end}"
    ]


def said(made):
    return [note for note in made.notes if "below those with P alone" in note]


def test_a_plan_goes_without_labels_that_only_harm_and_says_so(table):
    pilots, prices = table(B=[(-2, -4), (-6, -8)], S=[(1, 5), (1, 2)]), named_prices("paper-text")
    made = plan(pilots, prices, budget=0.3, weights=WEIGHTS, draws=20)
    assert said(made) == behind("so the plan goes without. Longer pilots may tell otherwise.")
    assert "B" not in made.allocation
    assert made.allocation["none"] > 0
    asked = plan(pilots, prices, budget=0.3, weights=WEIGHTS, draws=20, kinds=("P", "B", "S", "none"))
    end = "which the responses may not show. Train the pilots longer, or plan without them (--kinds)."
    assert said(asked) == behind(end)
    ahead = table(B=[(2, 4), (6, -1)], S=[(1, 5), (1, 2)])
    assert said(plan(ahead, prices, budget=0.3, weights=WEIGHTS, draws=20)) == []


def test_where_every_weak_label_harms_the_plan_is_of_full_labels_alone(table):
    made = plan(table(B=[(-2, -4), (-6, -8)]), named_prices("paper-text"), budget=0.3, weights=WEIGHTS, draws=20)
    assert made.allocation == {"P": 0.3, "none": 0.7}
    assert made.bought == {"P": 300}
    assert made.probabilities.beats_all_panoptic is None
    lines = plan_lines(made)
    assert lines[0] == "Label 300 images P; 700 stay unlabelled."
    assert not any(line.startswith("Already there") for line in lines)
    (chances,) = (line for line in lines if line.startswith("Chances"))
    assert "all panoptic" not in chances
    assert ", better than a random allocation" in chances


def test_one_comparison_tells_nothing(table, tmp_path):
    path = tmp_path / "one.csv"
    rows = ["full,rest,share,variant,seed,pq", "P,none,0.1,baseline,0,20", "P,none,0.5,baseline,0,30"]
    path.write_text("\n".join([*rows, "P,B,0.1,module,0,15"]) + "\n")
    assert considered(read_pilots(path)) == ("P", "B", "none")
    path.write_text("\n".join([*rows, "P,B,0.1,module,0,15", "P,B,0.5,module,0,29"]) + "\n")
    pilots = read_pilots(path)
    assert setbacks(pilots, ("P", "B")) == [Setback("B", {"all": 3.0}, 2)]
    assert considered(pilots) == ("P", "none")


def test_without_runs_on_full_labels_alone_nothing_is_left_out(tmp_path):
    """Tags train no stuff: their baselines stand for full labels alone, but no image was piloted without labels."""
    path = tmp_path / "tags.csv"
    rows = ["full,rest,share,variant,seed,pq_th,pq_st"]
    rows += [f"P,I,{share},{variant},0,{pq},{pq}" for share in (0.1, 0.5) for variant, pq in PAIR]
    path.write_text("\n".join(rows) + "\n")
    pilots = read_pilots(path)
    assert [found.kind for found in setbacks(pilots, plannable(pilots))] == ["I"]
    assert considered(pilots) == ("P", "I")
