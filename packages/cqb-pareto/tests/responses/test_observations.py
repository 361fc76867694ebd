import numpy as np
import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.pilots import paper_pilots, read_pilots
from cqb_pareto.responses import observe

TAGS = (("baseline", 25), ("module", 28))


def test_what_table_2_says_of_things():
    seen = observe(paper_pilots(), "things", ("P", "I", "B", "S", "B+S"))
    alone = seen.counts & (seen.arm == 0)
    assert sorted(zip(seen.shares[alone, 0], seen.quality[alone], strict=True)) == [
        (0.1, 39.1),
        (0.1, 40.1),
        (0.3, 47.6),
        (0.3, 47.7),
        (0.5, 49.9),
        (0.5, 50.4),
    ]
    off = ~seen.counts
    assert sorted(seen.quality[off]) == [47.3, 50.7, 51.7]
    assert seen.low.tolist() == [0.1, 0, 0, 0, 0]
    assert seen.high == pytest.approx(np.array([0.5, 0.9, 0.9, 0.9, 0.9]))


def test_labels_that_teach_nothing_are_not_none_where_runs_without_labels_tell(tmp_path):
    """Tags without a module fill places in the batches: their runs are full labels alone for want of better ones."""
    path = tmp_path / "p.csv"
    rows = ["full,rest,share,variant,seed,pq_th,pq_st", "P,none,0.2,baseline,0,30,40"]
    rows += [f"P,I,{share},{variant},0,{pq},{pq}" for share in (0.2, 0.4) for variant, pq in TAGS]
    path.write_text("\n".join(rows) + "\n")
    few = observe(read_pilots(path), "things", ("P", "I"))
    assert sorted(few.quality[few.counts & (few.arm == 0)]) == [25, 25, 30]
    path.write_text("\n".join([*rows, "P,none,0.4,baseline,0,35,50"]) + "\n")
    enough = observe(read_pilots(path), "things", ("P", "I"))
    assert sorted(enough.quality[enough.counts & (enough.arm == 0)]) == [30, 35]
    assert enough.base[enough.module].tolist() == few.base[few.module].tolist()


def test_module_runs_point_at_their_own_baseline():
    seen = observe(paper_pilots(), "things", ("P", "I", "B", "S"))
    for row in np.flatnonzero(seen.module & (seen.arm == 2)):
        base = np.flatnonzero(seen.cells == seen.base[row])
        assert seen.quality[base].tolist() in ([47.3], [50.7], [51.7])


def test_missing_runs_are_spelled_out(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("full,rest,share,variant,seed,pq\nP,none,0.2,baseline,0,30\nP,I,0.2,module,0,31\n")
    message = (
        r"p.csv: rows: wanted runs with PQ over all: variant baseline, full P, rest none at another share besides 0.2; "
        r"variant module, full P, rest B at shares 0.2, got 2 usable runs"
    )
    with pytest.raises(InputError, match=message):
        observe(read_pilots(path), "all", ("P", "I", "B"))


def test_a_kind_on_one_branch_only_is_missing_on_the_other():
    with pytest.raises(InputError, match=r"PQ over stuff: variant module, full P, rest M at shares 0.1, 0.3, 0.5"):
        observe(paper_pilots(), "stuff", ("P", "M"))
