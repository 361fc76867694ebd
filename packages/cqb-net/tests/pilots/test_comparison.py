import pytest
from rich.console import Console

from cqb_net.pilots.comparison import HEAD, compare, lines, table
from cqb_pareto import read_pilots

ROWS = """full,rest,share,variant,module,seed,pq_th,pq_st
P,I,0.1,baseline,Cls2Box,0,10,
P,I,0.1,baseline,Cls2Box,1,14,
P,I,0.3,baseline,Cls2Box,0,20,
P,I,0.1,module,Cls2Box,0,12,
P,I,0.1,module,Cls2Box,1,15,
P,I,0.3,module,Cls2Box,0,23,
P,B,0.1,upper,Cls2Box,0,30,
P,B,0.1,upper,Cls2Box,1,30,
P,I,0.1,baseline,Cls2Pixel,0,,40
P,I,0.1,module,Cls2Pixel,0,,41
"""


@pytest.fixture
def comparisons(tmp_path):
    path = tmp_path / "pilots.csv"
    path.write_text(ROWS)
    return compare(read_pilots(path))


def test_runs_are_paired_by_share_and_seed(comparisons):
    box, pixel = comparisons
    assert (box.row.name, pixel.row.name) == ("Cls2Box", "Cls2Pixel")
    assert box.found["module"] == {(0.1, 0): 12, (0.1, 1): 15, (0.3, 0): 23}
    found = box.test("module", "baseline")
    assert (found.pairs, found.difference) == (3, 2)
    assert found.p == pytest.approx(0.0371, abs=1e-4)  # t = 2 / (1 / sqrt 3) with two degrees of freedom
    above = box.test("module", "upper")
    assert (above.pairs, above.difference) == (2, -16.5)
    assert above.p > 0.9


def test_one_pair_has_no_test_and_none_no_comparison(comparisons):
    _, pixel = comparisons
    assert (pixel.test("module", "baseline").difference, pixel.test("module", "baseline").p) == (1, None)
    assert pixel.test("module", "upper") is None


def test_a_line_a_share_where_every_variant_is_known(comparisons):
    shown = lines(comparisons)
    assert [dict(zip(HEAD[3:8], line[3:8], strict=True)) for line in shown] == [
        {"P": "0.1", "baseline": "12.0", "module on": "13.5", "upper bound": "30.0", "gain": "+1.5"},
        {"P": "all", "baseline": "", "module on": "", "upper bound": "", "gain": "+2.0 (3)"},
    ]
    assert shown[0][:3] == ["Cls2Box", "I (B)", "things"]
    assert shown[1][8:] == ["0.037", "-16.5 (2)", "0.97"]
    console = Console(width=160)
    with console.capture() as captured:
        console.print(table(comparisons))
    assert "+2.0 (3)" in captured.get()
