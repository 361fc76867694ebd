import pytest

import cqb_core
import cqb_pareto
from cqb_net.pilots.design import crossed, read_design
from cqb_pareto.design import to_csv

HEADER = "full,rest,share,variant,seed,pq_th,pq_st,value\n"


@pytest.fixture
def read(tmp_path):
    """A function from the rows of a design to its entries."""

    def entries(*rows):
        path = tmp_path / "design.csv"
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
        return read_design(path)

    return entries


def test_a_first_design_of_cqb_pareto_is_read(tmp_path):
    prices = cqb_pareto.named_prices("paper-text")
    proposals = cqb_pareto.first_design(["P", "I", "B", "S"], prices, 6, draws=20)
    (tmp_path / "design.csv").write_text(to_csv(proposals))
    entries = read_design(tmp_path / "design.csv")
    told = {(entry.rest.short, entry.share, entry.variant, entry.seed) for entry in entries}
    assert told == {(p.rest, p.share, p.variant, p.seed) for p in proposals}
    assert [entry.variant for entry in entries] == sorted(entry.variant for entry in entries)


def test_a_module_run_has_every_module_on_that_its_labels_teach(read):
    baseline, module = read("P,I,0.1,module,0,,,0.2", "P,none,0.1,baseline,0,,,0")
    assert (module.modules, module.branch, module.module) == (("Cls2Box", "Cls2Pixel"), "all", "")
    assert (baseline.modules, baseline.rest.short, baseline.allocation[cqb_core.Labels(0)]) == ((), "none", 0.9)


def test_label_sets_by_shares(read):
    found = crossed({"none": (0.1, 0.5), "I+B": (0.1,)}, 2)
    rows = ("P,none,0.1,baseline,0,,,", "P,none,0.5,baseline,0,,,", "P,B+I,0.1,module,0,,,")
    again = [row.replace(",0,,,", ",1,,,") for row in rows]
    assert len(found) == 6
    assert [entry.seed for entry in found] == [0, 0, 0, 1, 1, 1]
    assert set(found) == set(read(*rows, *again))


def test_full_labels_are_not_beside_full_labels():
    with pytest.raises(cqb_core.InputError, match="design: rest: wanted labels that cost less than P, or none, got P"):
        crossed({"P": (0.1,)}, 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("B,I,0.1,module,0,,,", "row 3, column full: wanted P, got B"),
        ("P,X,0.1,module,0,,,", "row 3, column rest: wanted one of P, I, B, M, S, none, or a sum such as B+S, got 'X'"),
        ("P,I,0,module,0,,,", "row 3, column share: wanted a share above 0, got 0"),
        ("P,I,1.5,module,0,,,", "row 3, column share: wanted a number from 0 to 1, got 1.5"),
        ("P,I,0.1,modul,0,,,", "row 3, column variant: wanted one of baseline, module, upper, got modul"),
        ("P,I,0.1,module,-1,,,", "row 3, column seed: wanted a number >= 0, got -1"),
        ("P,none,0.1,baseline,0,,,", "row 3, column seed: wanted each run once, got the run of row 2 again"),
    ],
)
def test_a_wrong_row_is_named(read, tmp_path, row, message):
    with pytest.raises((cqb_core.InputError, cqb_pareto.InputError)) as caught:
        read("P,none,0.1,baseline,0,,,", row)
    assert str(caught.value) == f"{tmp_path / 'design.csv'}: {message}"
