import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.pilots import check_pilots, paper_pilots, read_pilots
from cqb_pareto.plan_file import read_plan, write_plan
from cqb_pareto.prices import PriceList, named_prices, read_prices
from cqb_pareto.study import plan, study

KINDS = ("P", "I", "B", "S")
TEXT = named_prices("paper-text")


@pytest.fixture(scope="module")
def pilots():
    return paper_pilots()


@pytest.fixture(scope="module")
def made(pilots):
    return study(pilots, TEXT.with_terms(15.0, "EUR"), budget=0.3, images=2000, kinds=KINDS, draws=60)


def test_the_plan_keeps_its_budget_and_beats_every_candidate(made):
    got = made.plan
    shares = np.array([[got.allocation.get(kind, 0.0) for kind in KINDS]])
    cost, quality = made.objectives.evaluate(shares)
    assert sum(got.counts.values()) == 2000
    assert got.counts == {kind: round(share * 2000) for kind, share in got.allocation.items()}
    assert cost[0] <= 0.3
    assert got.cost.relative.mid == pytest.approx(cost[0])
    assert quality[0] == pytest.approx(got.pq.mid)
    fits = made.found.cost <= 0.3
    assert quality[0] >= made.found.quality[fits].max() - 0.01


def test_the_order_of_the_rows_does_not_matter(pilots):
    options = {"budget": 0.25, "images": 240, "draws": 20}
    wanted, rng = plan(pilots, TEXT, **options), np.random.default_rng(0)
    for _ in range(3):
        shuffled = replace(pilots, runs=tuple(pilots.runs[row] for row in rng.permutation(len(pilots.runs))))
        assert plan(shuffled, TEXT, **options).counts == wanted.counts


def test_money_and_hours(made):
    assert made.plan.cost.hours.mid == pytest.approx(made.plan.cost.relative.mid * 2000 * 1104 / 3600)
    assert made.plan.cost.money.mid == pytest.approx(15 * made.plan.cost.hours.mid)
    assert made.plan.cost.currency == "EUR"


def test_bands_probabilities_and_runners_up(made):
    got = made.plan
    assert got.pq.low < got.pq.mid < got.pq.high
    chance = got.probabilities
    assert all(0 <= p <= 1 for p in (chance.nondominated, chance.beats_all_panoptic, chance.beats_random))
    assert chance.beats_all_panoptic > 0.8
    assert chance.reaches_target is None
    assert len(got.runners_up) == 3
    for option in got.runners_up:
        assert option.cost <= 0.3
        apart = sum(abs(option.allocation.get(k, 0) - got.allocation.get(k, 0)) for k in KINDS) / 2
        assert apart >= 0.1


def test_fronts_are_ordered(made):
    for front in (made.plan.fronts.conservative, made.plan.fronts.central, made.plan.fronts.optimistic):
        cost, quality = np.array(front).T
        assert (np.diff(cost) > 0).all()
        assert (np.diff(quality) > 0).all()
    ends = [np.interp(0.3, *np.array(f).T) for f in (made.plan.fronts.conservative, made.plan.fronts.optimistic)]
    assert ends[0] < made.plan.pq.mid < ends[1]


def test_a_target_is_reached_at_the_lowest_cost(pilots):
    got = study(pilots, TEXT, target_pq=41.0, images=5000, kinds=KINDS, draws=20)
    assert got.plan.pq.mid >= 41.0
    reached = got.found.quality >= 41.0
    assert got.plan.cost.relative.mid <= got.found.cost[reached].min() + 1e-4
    assert 0 < got.plan.probabilities.reaches_target < 1


def test_scaling_all_prices_changes_nothing(pilots):
    one, many = (plan(pilots, TEXT.scaled(f), budget=0.25, images=500, kinds=KINDS, draws=20) for f in (1.0, 8.0))
    assert one.counts == many.counts
    assert (one.pq, one.probabilities, one.cost.relative) == (many.pq, many.probabilities, many.cost.relative)
    assert many.cost.hours.mid == pytest.approx(8 * one.cost.hours.mid)


def test_owned_labels_save_their_price(pilots):
    owned = plan(pilots, TEXT.with_terms(owned={"B": 0.5}), budget=0.2, images=1000, kinds=KINDS, draws=20)
    bought = owned.bought.get("B", 0)
    assert owned.counts["B"] - bought == min(500, owned.counts["B"])
    plain = plan(pilots, TEXT, budget=0.2, images=1000, kinds=KINDS, draws=20)
    assert owned.pq.mid > plain.pq.mid


def test_price_ranges_reach_the_plan(pilots, tmp_path):
    path = tmp_path / "prices.csv"
    rows = ["kind,overhead,overhead_low,overhead_high,source,year", "P,1104,600,1600,me,2026"]
    rows += [f"{kind},{s},{s},{s},me,2026" for kind, s in (("I", 7), ("B", 33), ("S", 750), ("M", 350))]
    path.write_text("\n".join(rows) + "\n")
    got = plan(pilots, read_prices(path), budget=0.3, kinds=KINDS, draws=20)
    assert got.cost.relative.low < 0.27 < 0.3 < got.cost.relative.high


def test_bounds_are_kept(pilots):
    got = plan(pilots, TEXT, budget=0.4, least={"S": 0.1}, most={"B": 0.25}, kinds=KINDS, draws=20, images=400)
    assert got.counts["S"] >= 40
    assert got.counts["B"] <= 100


def test_unlabelled_images_may_be_left(pilots):
    got = plan(pilots, TEXT, budget=0.102, kinds=(*KINDS, "none"), draws=20)
    assert got.cost.relative.mid <= 0.102
    assert got.counts["none"] > 0


def test_outside_the_pilots_the_plan_says_so(pilots):
    got = plan(pilots, TEXT, budget=0.9, kinds=KINDS, draws=20, extrapolate=True)
    assert any("outside the piloted shares" in note for note in got.notes)
    inside = plan(pilots, TEXT, budget=0.3, kinds=KINDS, draws=20)
    assert not any("outside the piloted shares" in note for note in inside.notes)


def test_pilots_that_learnt_next_to_nothing_are_pointed_out(pilots):
    weak = replace(
        pilots,
        runs=tuple(
            replace(run, qualities={**run.qualities, "pq_th": run.qualities["pq_th"] / 20}) for run in pilots.runs
        ),
    )
    got = plan(weak, TEXT, budget=0.3, kinds=KINDS, draws=20)
    best = max(run.quality("things") for run in weak.having("things"))
    assert [note for note in got.notes if "Train the pilots longer" in note] == [
        f"No pilot reaches more than {best:.1f} points of PQ over things: networks that have learnt so little tell "
        "little of what labels are worth. Train the pilots longer."
    ]


def test_json_keeps_everything(made, tmp_path):
    path = write_plan(made.plan, tmp_path / "plan.json")
    content = json.loads(path.read_text())
    assert (content["format"], content["version"]) == ("cqb-plan", 1)
    assert sum(content["allocation"].values()) == pytest.approx(1, abs=1e-12)
    assert sum(content["counts"].values()) == content["images"] == 2000
    assert asdict(read_plan(path)) == asdict(made.plan)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"allocation": {"P": 0.5}}, "allocation: wanted shares with sum 1, got 0.5"),
        ({"counts": {"P": 3}}, "counts: wanted a sum of images = 2000, got 3"),
        ({"version": 2}, "format, version: wanted cqb-plan, 1"),
        ({"pq": {"mid": 1.0}}, "fields: wanted those of a plan"),
    ],
)
def test_a_wrong_plan_file_is_named(made, tmp_path, change, message):
    path = write_plan(made.plan, tmp_path / "plan.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message):
        read_plan(path)


def test_a_plan_file_without_a_field(made, tmp_path):
    path = write_plan(made.plan, tmp_path / "plan.json")
    content = json.loads(path.read_text())
    del content["cost"]
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="cost: wanted the field, got nothing"):
        read_plan(path)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, "goal: wanted a budget or a target PQ, one of them, got none"),
        ({"budget": 0.1, "target_pq": 40.0}, "got both"),
        (
            {"budget": 0.001},
            r"budget: relative: wanted at least 0.1054 panoptic labels per image, the cost of the cheapest",
        ),
        (
            {"target_pq": 80.0},
            r"target: PQ: wanted at most 4\d.\d\d points, the best predicted .* got 80; P stands at its largest pil",
        ),
        ({"budget": 0.1, "least": {"P": 0.2}}, r"wanted at least 0.2048 panoptic labels"),
        ({"budget": 0.1, "images": 0}, "images: wanted at least 1, got 0"),
        ({"budget": 0.1, "most": {"P": 0.1, "I": 0.1, "B": 0.1, "S": 0.1}}, "maxima: wanted a sum of at least 1"),
    ],
)
def test_impossible_goals_say_what_is_possible(pilots, wanted, message):
    with pytest.raises(InputError, match=message):
        plan(pilots, TEXT, kinds=KINDS, draws=2, **wanted)


def test_a_kind_in_the_table_without_a_price_names_its_row(pilots):
    without = PriceList("mine.csv", {k: p for k, p in TEXT.prices.items() if k != "M"})
    with pytest.raises(
        InputError, match=r"table2.csv: row 15, column rest: wanted a label set priced in mine.csv, got M"
    ):
        plan(pilots, without, budget=0.3)


def test_missing_pilots_are_spelled_out(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("full,rest,share,variant,seed,pq\nP,none,0.1,baseline,0,30\nP,I,0.1,module,0,31\n")
    with pytest.raises(InputError, match=r"rest none at another share besides 0.1"):
        plan(read_pilots(path), TEXT, budget=0.3)


def test_a_table_of_pq_over_all_classes_is_planned(pilots):
    runs = [
        replace(p, qualities={**p.qualities, "pq": p.qualities["pq_th"], "pq_th": np.nan}, row=i)
        for i, p in enumerate(pilots.runs)
        if p in pilots.having("things")
    ]
    got = plan(check_pilots(runs, "all.csv"), TEXT, budget=0.3, draws=10)
    assert list(got.families) == ["all"]
