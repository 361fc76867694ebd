import pytest

from cqb_bench.entries import Entry
from cqb_bench.report import BENCH, COLUMNS, bench_row
from cqb_core import Labels
from cqb_net.pilots.runs import RUNS

RUN = {name: name for name in RUNS} | {"key": "abc", "wall_seconds": "12.5", "box_ap": "31.4", "seed": "7"}


def test_a_row_tells_what_was_compared_and_what_came_out():
    row = bench_row(Entry("detection", "wsddn", Labels.IMAGE, 0.1, 2), RUN)
    assert set(row) == set(COLUMNS)
    assert (row["run"], row["task"], row["method"], row["rest"]) == ("abc/detection/wsddn", "detection", "wsddn", "I")
    assert (row["share"], row["seed"], row["box_ap"], row["seconds"]) == ("0.1", 2, "31.4", "12.5")
    assert (row["fingerprint"], row["commit"], row["iterations"]) == ("fingerprint", "commit", "iterations")


@pytest.mark.parametrize(("rest", "share", "cost"), [
    (Labels.IMAGE, 0.1, 0.1 + 0.9 * 0.006),
    (Labels.BOX, 0.1, 0.1 + 0.9 * 0.03),
    (Labels.STUFF, 0.5, 0.5 + 0.5 * 0.68),
    (Labels.MASK, 0.5, 0.5 + 0.5 * 0.32),
    (Labels.IMAGE, 1.0, 1.0),
])  # fmt: skip
def test_costs_are_the_papers(rest, share, cost):
    told = bench_row(Entry("detection", "upper", rest, share, 0), RUN)["cost"]
    assert float(told) == pytest.approx(cost, abs=2e-3)


def test_the_folder_is_no_folder_of_pilots():
    assert (BENCH.file, BENCH.format) == ("bench.csv", "cqb-bench")
