import numpy as np
import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.measured import read_times


def write(tmp_path, lines):
    path = tmp_path / "times.csv"
    path.write_text("task,kind,seconds,objects\n" + "\n".join(lines) + "\n")
    return path


def test_exact_times_give_exact_prices(tmp_path):
    lines = [f"{i},B,{5 + 7 * n},{n}" for i, n in enumerate([1, 2, 4, 9])] + ["a,P,600,3", "b,P,600,3"]
    prices = read_times(write(tmp_path, lines))
    assert prices.prices["B"].seconds_per_object.mid == pytest.approx(7)
    assert prices.prices["B"].overhead.mid == pytest.approx(5)
    assert prices.prices["B"].objects_per_image.mid == 4
    assert prices.seconds("P").mid == pytest.approx(600)
    assert "measured on 4 images" in prices.prices["B"].source


def test_sittings_of_one_task_add_up(tmp_path):
    prices = read_times(write(tmp_path, ["a,P,100,2", "a,P,50,3", "b,P,150,3"]))
    assert prices.seconds("P").mid == pytest.approx(150)


def test_ranges_hold_the_truth(tmp_path):
    rng = np.random.default_rng(1)
    lines = [f"{i},P,{20 + 9 * n + rng.normal(0, 8):.2f},{n}" for i, n in enumerate(rng.integers(1, 20, 80))]
    price = read_times(write(tmp_path, lines)).prices["P"]
    assert price.seconds_per_object.low < 9 < price.seconds_per_object.high
    assert price.seconds_per_object.high - price.seconds_per_object.low < 1.5


def test_times_never_turn_negative(tmp_path):
    price = read_times(write(tmp_path, ["a,P,1,1", "b,P,30,10", "c,P,90,20"])).prices["P"]
    assert price.overhead.mid == 0
    assert price.seconds_per_object.mid == pytest.approx((1 + 300 + 1800) / 501)


def test_tags_without_objects_are_overhead(tmp_path):
    price = read_times(write(tmp_path, ["a,P,6,0", "b,P,8,0"])).prices["P"]
    assert (price.seconds_per_object.mid, price.overhead.mid) == (0, 7)


def test_bad_rows_are_named(tmp_path):
    with pytest.raises(InputError, match=r"times.csv: row 3, column seconds: wanted a number >= 0, got -1"):
        read_times(write(tmp_path, ["a,P,5,1", "b,P,-1,1"]))
    with pytest.raises(InputError, match="wanted a row|wanted a price for P"):
        read_times(write(tmp_path, ["a,B,5,1"]))
