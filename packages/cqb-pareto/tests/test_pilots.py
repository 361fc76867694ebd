import math
import time

import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.kinds import parse_kind, trains
from cqb_pareto.pilots import paper_pilots, read_pilots

HEADER = "full,rest,share,variant,seed,pq_th,pq_st"
BASE = "P,none,0.1,baseline,0,40,25"


def write(tmp_path, *rows, header=HEADER):
    path = tmp_path / "pilots.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_table_2_as_published():
    pilots = paper_pilots()
    assert len(pilots.runs) == 45
    assert pilots.kinds == ("P", "I", "B", "M", "S", "B+S")
    assert pilots.branches == ("things", "stuff")
    run = next(p for p in pilots.runs if p.run == "GR-th2st-0.5-module")
    assert (run.rest, run.qualities["pq_st"], run.qualities["sq_st"]) == ("B", 32.8, 79.9)
    assert math.isnan(run.quality("things"))


def test_names_are_canonical():
    assert parse_kind("S + B", "f", "x") == "B+S"
    assert parse_kind("None", "f", "x") == "none"
    assert parse_kind("dots", "f", "x") == "dots"
    with pytest.raises(InputError, match="f: x: wanted a label set"):
        parse_kind("B+", "f", "x")
    for unsound in ("\x1b[2J", "B\x00", "\ud800"):
        with pytest.raises(InputError, match="f: x: wanted a label set"):
            parse_kind(unsound, "f", "x")
    assert parse_kind(" <b>ü ", "f", "x") == "<b>ü"


def test_what_plain_training_learns():
    assert [trains(kind, "things") for kind in ("I", "B", "S", "B+S", "none", "dots")] == [
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert [trains(kind, "stuff") for kind in ("I", "B", "S", "P")] == [False, False, True, True]


def test_comments_and_blank_lines_keep_row_numbers(tmp_path):
    path = write(tmp_path, "# a remark", BASE, "", "P,I,0.1,module,0,x,26")
    with pytest.raises(InputError, match=r"row 5, column pq_th: wanted a number from 0 to 100, got 'x'"):
        read_pilots(path)


def test_only_pq_of_all_classes_is_enough(tmp_path):
    pilots = read_pilots(write(tmp_path, "P,none,0.1,baseline,0,30", header="full,rest,share,variant,seed,pq"))
    assert pilots.branches == ("all",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([BASE, BASE], r"row 3, column seed: wanted each run once, got the run of row 2 again"),
        ([BASE, "P,I,0.1,module,0,nan,26"], r"row 3, column pq_th: wanted a number from 0 to 100, got nan"),
        ([BASE, "P,I,1.2,module,0,40,26"], r"row 3, column share: wanted a number from 0 to 1, got 1.2"),
        (
            [BASE, "P,I,0.3,module,0,40,26"],
            r"row 3, column variant: wanted a baseline at share 0.3 .*got module without",
        ),
        ([BASE, "P,I,0.1,moduel,0,40,26"], r"row 3, column variant: wanted one of baseline, module, upper, got moduel"),
        ([BASE, "Q,I,0.1,baseline,0,40,26"], r"row 3, column full: wanted P, as in the rows before, got Q"),
        ([BASE, "P,I,0.1,module,0.5,40,26"], r"row 3, column seed: wanted a whole number, got 0.5"),
        ([BASE, "P,I,0.1,module,0,,"], r"row 3, column pq: wanted a quality in pq, pq_th or pq_st, got none"),
        (["P,none,0.1,baseline,0,0.4,0.25"], r"wanted points from 0 to 100, got at most 0.4: fractions\?"),
        ([BASE, "P,,0.1,module,0,40,26"], r"row 3, column rest: wanted a value, got nothing"),
        (["none,none,0.1,baseline,0,40,26"], r"row 2, column full: wanted a label set, got none"),
        ([], r"wanted a header and at least one row, got 1 lines"),
    ],
)
def test_bad_rows_are_named(tmp_path, rows, message):
    path = write(tmp_path, *rows)
    with pytest.raises(InputError, match=message) as caught:
        read_pilots(path)
    assert str(caught.value).startswith(str(path))


def test_bad_columns_are_named(tmp_path):
    with pytest.raises(InputError, match=r"column share: wanted columns full, rest, share"):
        read_pilots(write(tmp_path, "P,none,baseline,0,1", header="full,rest,variant,seed,pq"))
    with pytest.raises(InputError, match=r"column PQ: wanted one of .* got an unknown column"):
        read_pilots(write(tmp_path, "P,none,0.1,baseline,0,1", header="full,rest,share,variant,seed,PQ"))
    with pytest.raises(InputError, match=r"column pq: wanted each column once, got 2 times"):
        read_pilots(write(tmp_path, "P,none,0.1,baseline,0,1,1", header="full,rest,share,variant,seed,pq,pq"))


def test_run_ids_are_unique(tmp_path):
    header = "run,full,rest,share,variant,seed,pq"
    path = write(tmp_path, "a,P,none,0.1,baseline,0,30", "a,P,none,0.1,baseline,1,31", header=header)
    with pytest.raises(InputError, match=r"row 3, column run: wanted each run once, got the run of row 2 again"):
        read_pilots(path)


def test_thousands_of_shares_are_checked_at_once(tmp_path):
    shares = [f"{0.9 * i / 2500:.6f}" for i in range(1, 2501)]
    rows = [
        f"P,{rest},{share},{variant},0,40,26"
        for share in shares
        for rest, variant in (("none", "baseline"), ("I", "module"))
    ]
    begun = time.process_time()
    assert len(read_pilots(write(tmp_path, *rows)).runs) == 5000
    assert time.process_time() - begun < 3
