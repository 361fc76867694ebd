"""Whether a plan says of labels that the pilots did worse with them."""

import pytest

from cqb_pareto.objectives import ClassWeights, fit_quality
from cqb_pareto.pilots import read_pilots
from cqb_pareto.prices import named_prices
from cqb_pareto.setbacks import Setback, setbacks
from cqb_pareto.study import plan

ALONE = [(0.1, 20.0, 40.0), (0.5, 30.0, 60.0)]
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
    quality = fit_quality(pilots, weights=WEIGHTS, draws=20)
    (found,) = setbacks(pilots, quality)
    assert (found.kind, found.comparisons) == ("B", 4)
    assert found.points == pytest.approx((10 * 4 + 7 * 6) / 17)


def test_only_the_plan_of_pilots_with_a_setback_says_so(table):
    prices = named_prices("paper-text")
    behind = plan(table(B=[(-2, -4), (-6, -8)], S=[(1, 5), (1, 2)]), prices, budget=0.3, weights=WEIGHTS, draws=20)
    assert [note for note in behind.notes if "below those with P alone" in note] == [
        f"Runs with B on the rest are {(10 * 4 + 7 * 6) / 17:.1f} points of PQ below those with P alone, in each of 4 "
        "comparisons: here these labels cost more than they teach, which the responses may not show. Train the pilots "
        "longer, or plan without them."
    ]
    ahead = plan(table(B=[(2, 4), (6, -1)], S=[(1, 5), (1, 2)]), prices, budget=0.3, weights=WEIGHTS, draws=20)
    assert not any("below those with P alone" in note for note in ahead.notes)


def test_one_comparison_tells_nothing(table, tmp_path):
    path = tmp_path / "one.csv"
    rows = ["full,rest,share,variant,seed,pq", "P,none,0.1,baseline,0,20", "P,none,0.5,baseline,0,30"]
    path.write_text("\n".join([*rows, "P,B,0.1,module,0,15"]) + "\n")
    pilots = read_pilots(path)
    assert setbacks(pilots, fit_quality(pilots, draws=20)) == []
    path.write_text("\n".join([*rows, "P,B,0.1,module,0,15", "P,B,0.5,module,0,29"]) + "\n")
    pilots = read_pilots(path)
    assert setbacks(pilots, fit_quality(pilots, draws=20)) == [Setback("B", 3.0, 2)]
