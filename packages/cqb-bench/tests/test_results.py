import pytest

from cqb_bench.results import find, is_ours, read_results, rivals, title_of
from cqb_pareto.errors import InputError


def test_seeds_are_gathered_and_shares_ordered(folder):
    results = read_results(folder)
    assert list(results) == ["detection"]
    assert [(s.share, s.method) for s in results["detection"]] == [
        *((0.1, name) for name in ("baseline", "melm", "cls2box", "wsddn", "upper")),
        *((0.5, name) for name in ("baseline", "wsddn", "melm", "cls2box", "upper")),
    ]
    ours = find(results["detection"], "cls2box", 0.5)
    assert (ours.values, ours.mean, ours.cost) == ({0: 14.0, 1: 16.0}, 15.0, 0.503)
    assert ours.spread == pytest.approx(2**0.5)
    assert find(results["detection"], "cam", 0.5) is None


def test_differences_are_of_the_seeds_that_both_have(folder):
    standings = read_results(folder)["detection"]
    one, other = find(standings, "wsddn", 0.1), find(standings, "cls2box", 0.1)
    assert one.above(other) == [1.0, 1.0]
    del one.values[1]
    assert one.above(other) == [1.0]
    assert one.spread is None


def test_a_run_without_a_score_is_left_out(folder):
    text = (folder / "bench.csv").read_text()
    lines = [line if not line.startswith("melm0.11") else "melm0.11,detection,melm,0.1,I,1,0.1" + "," * 13 for line in
             text.splitlines()]  # fmt: skip
    (folder / "bench.csv").write_text("\n".join(lines))
    assert find(read_results(folder)["detection"], "melm", 0.1).values == {0: 12.0}


def test_methods_have_titles_and_ours_are_no_rivals(folder):
    assert (title_of("wsddn"), title_of("upper"), title_of("gone")) == ("WSDDN", "upper", "gone")
    assert is_ours("cls2box")
    assert not is_ours("upper")
    assert {standing.method for standing in rivals(read_results(folder)["detection"])} == {"wsddn", "melm"}


def test_what_is_no_result_is_named(folder, tmp_path_factory):
    path = folder / "bench.csv"
    path.write_text(path.read_text().replace("detection", "detektion", 1))
    with pytest.raises(InputError, match="row 2, column task: wanted one of detection, semantic, instance, got det"):
        read_results(folder)
    with pytest.raises(InputError, match=r"bench\.csv: file: wanted a CSV file, got no such file"):
        read_results(tmp_path_factory.mktemp("empty"))
