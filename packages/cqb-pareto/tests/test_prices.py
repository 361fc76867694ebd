import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_pareto.errors import InputError
from cqb_pareto.prices import Price, PriceList, Span, load_prices, named_prices, read_prices

HEADER = (
    "kind,seconds_per_object,seconds_per_object_low,seconds_per_object_high,objects_per_image,overhead,source,year\n"
)


def write(tmp_path, rows, header=HEADER):
    path = tmp_path / "prices.csv"
    path.write_text(header + rows)
    return path


def test_the_papers_two_lists_differ_in_boxes_only():
    text, table = named_prices("paper-text"), named_prices("paper-table1")
    assert text.relative(["P", "I", "B", "S"]) == pytest.approx([1, 0.006, 0.03, 0.68], abs=1e-12)
    assert table.relative(["P", "I", "B", "S"]) == pytest.approx([1, 0.006, 0.30, 0.68], abs=1e-12)
    assert text.relative(["M"]) == pytest.approx([0.32])
    assert all(price.source and price.year == 2021 for price in text.prices.values())


def test_a_price_is_objects_times_seconds_plus_overhead(tmp_path):
    prices = read_prices(write(tmp_path, "P,,,,,600,me,2026\nB,7,5,10,4,2,me,2026\n"))
    assert prices.seconds("B") == Span(30.0, 22.0, 42.0)
    assert prices.relative(["B", "P"]) == pytest.approx([0.05, 1.0])


def test_a_sum_costs_its_parts_unless_it_has_a_price():
    prices = named_prices("paper-text")
    assert prices.relative(["B+S", "none"]) == pytest.approx([0.71, 0.0])
    own = PriceList("own", {**prices.prices, "B+S": Price.per_image("B+S", 552.0, "me", 2026)})
    assert own.relative(["B+S"]) == pytest.approx([0.5])


def test_totals_in_hours_and_money():
    prices = named_prices("paper-text").with_terms(hourly_wage=12.0, review=0.25)
    assert prices.hours(0.5, 100) == pytest.approx(0.5 * 100 * 1104 * 1.25 / 3600)
    assert prices.money(0.5, 100) == pytest.approx(12 * prices.hours(0.5, 100))
    assert named_prices("paper-text").money(0.5, 100) is None
    for unit, worth in (
        ("relative", 0.5),
        ("images", 50.0),
        ("hours", prices.hours(0.5, 100)),
        ("money", prices.money(0.5, 100)),
    ):
        assert prices.relative_budget(worth, unit, 100) == pytest.approx(0.5)


def test_drawn_prices_keep_their_range_and_share_the_parts_of_sums(tmp_path):
    prices = read_prices(write(tmp_path, "P,,,,,600,me,2026\nB,7,5,10,4,2,me,2026\nS,,,,,300,me,2026\n"))
    drawn = prices.sample(["P", "B", "S", "B+S"], np.random.default_rng(0), 5000)
    assert drawn[:, 0] == pytest.approx(np.ones(5000))
    assert 22 / 600 <= drawn[:, 1].min() < drawn[:, 1].max() <= 42 / 600
    assert drawn[:, 3] == pytest.approx(drawn[:, 1] + drawn[:, 2])
    assert drawn[:, 1].mean() == pytest.approx((22 + 30 + 42) / 3 / 600, rel=0.02)


@settings(deadline=None)
@given(st.floats(1e-3, 1e3))
def test_scaling_all_prices_leaves_relative_ones(factor):
    prices = named_prices("paper-text")
    kinds = ["P", "I", "B", "S", "B+S"]
    assert prices.scaled(factor).relative(kinds) == pytest.approx(prices.relative(kinds), rel=1e-9)
    assert prices.scaled(factor).hours(1.0, 1) == pytest.approx(factor * prices.hours(1.0, 1))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("P,,,,,600,me,2026\nB,-7,,,4,0,me,2026\n", r"row 3, column seconds_per_object: wanted a number >= 0, got -7"),
        (
            "P,,,,,600,me,2026\nB,7,9,,4,0,me,2026\n",
            r"row 3, column seconds_per_object_low: wanted at most seconds_per_object = 7",
        ),
        ("P,,,,,600,me,2026\nB,7,,6,4,0,me,2026\n", r"row 3, column seconds_per_object_high: wanted at least"),
        ("P,,,,,600,me,2026\nB,,,,,,me,2026\n", r"row 3, column overhead: wanted seconds per object with objects"),
        (
            "P,,,,,600,me,2026\nB,7,,,,,me,2026\n",
            r"row 3, column objects_per_image: wanted seconds_per_object and objects",
        ),
        ("P,,,,,nan,me,2026\n", r"row 2, column overhead: wanted a number >= 0, got nan"),
        ("P,1e200,,,1e200,0,me,2026\n", r"row 2, column objects_per_image: wanted a price per image that is a number"),
        ("P,,,,,600,,2026\n", r"row 2, column source: wanted a value, got nothing"),
        ("P,,,,,600,me,2026\nP,,,,,600,me,2026\n", r"row 3, column kind: wanted each label set once"),
        ("B,,,,,600,me,2026\n", r"column kind: wanted a row for P"),
        ("P,,,,,0,me,2026\n", r"price of P: wanted more than 0 seconds"),
        ("P,,,,,600,me,2026,9\n", r"row 2: wanted 8 cells, got 9"),
    ],
)
def test_bad_tables_name_row_and_column(tmp_path, rows, message):
    path = write(tmp_path, rows)
    with pytest.raises(InputError, match=message) as caught:
        read_prices(path)
    assert str(path) in str(caught.value)


def test_other_bad_prices():
    prices = named_prices("paper-text")
    with pytest.raises(InputError, match="paper-text: price of X: wanted a price for X, got"):
        prices.seconds("X")
    with pytest.raises(InputError, match="wanted a price for Y"):
        prices.seconds("B+Y")
    with pytest.raises(InputError, match="hourly wage: wanted a positive number"):
        prices.with_terms(hourly_wage=-1.0)
    with pytest.raises(InputError, match="review: wanted a number >= 0"):
        prices.with_terms(review=math.nan)
    with pytest.raises(InputError, match="owned B: wanted a share from 0 to 1, got 2"):
        prices.with_terms(owned={"B": 2.0})
    with pytest.raises(InputError, match="a wage, for a budget in money"):
        prices.relative_budget(1.0, "money", 10)
    with pytest.raises(InputError, match="relative, images, hours or money, got days"):
        prices.relative_budget(1.0, "days", 10)
    with pytest.raises(InputError, match="budget: hours: wanted a number >= 0"):
        prices.relative_budget(math.nan, "hours", 10)
    with pytest.raises(InputError, match="wanted a CSV file, or one of paper-text, paper-table1, got no such file"):
        load_prices("nowhere.csv")
