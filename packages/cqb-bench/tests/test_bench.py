"""A comparison from call to table; the trainings are pretended, the sweep is that of the pilots."""

import csv

import pytest

from cqb_bench.bench import run_bench
from cqb_core import InputError
from cqb_net.pilots.execution import Outcome

NAME = "cqb-net_tiny_scenes"
QUIET = {"epochs": 1, "allow_unseen": True, "check": False, "progress": False}


@pytest.fixture
def bench(scenes, tmp_path):
    """A function that runs a comparison into the same folder."""

    def call(task, executor, **options):
        return run_bench(scenes, NAME, tmp_path / "out", task, executor=executor, **{**QUIET, **options})

    return call


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_method_share_and_seed_is_a_row(bench, measured):
    path = bench("detection", measured(box_ap=30.0, pq=20.0), methods=["wsddn"], shares=[0.25, 0.5], seeds=2)
    rows = rows_of(path)
    assert len(rows) == 4 * 2 * 2
    assert {row["method"] for row in rows} == {"baseline", "cls2box", "wsddn", "upper"}
    assert {(row["method"], row["rest"]) for row in rows} == {
        ("baseline", "I"),
        ("cls2box", "I"),
        ("wsddn", "I"),
        ("upper", "B"),
    }
    assert {(row["box_ap"], row["pq"], row["miou"]) for row in rows} == {("30.0", "20.0", "")}
    runs = {row["key"]: row["modules"] for row in rows_of(path.parent / "runs.csv")}
    on = {"baseline": "", "upper": "", "cls2box": "Cls2Box", "wsddn": "WSDDN"}
    assert all(runs[row["run"].partition("/")[0]] == on[row["method"]] for row in rows)


def test_a_second_start_trains_what_is_left_and_another_task_shares_its_baseline(bench, measured):
    first, again, other = measured(), measured(), measured()
    bench("detection", first, methods=["wsddn"], shares=[0.5], seeds=1)
    bench("detection", again, methods=["wsddn", "melm"], shares=[0.5], seeds=1)
    path = bench("semantic", other, methods=["cls2pixel"], shares=[0.5], seeds=1)
    assert (len(first.tried), len(again.tried), len(other.tried)) == (4, 1, 2)
    assert sorted((row["task"], row["method"]) for row in rows_of(path)) == [
        *(("detection", name) for name in ("baseline", "cls2box", "melm", "upper", "wsddn")),
        *(("semantic", name) for name in ("baseline", "cls2pixel", "upper")),
    ]


def test_rows_that_a_kill_kept_from_being_written_are_written(bench, measured):
    path = bench("detection", measured(), methods=["wsddn"], shares=[0.5], seeds=1)
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    nothing = measured()
    bench("detection", nothing, methods=["wsddn"], shares=[0.5], seeds=1)
    assert nothing.tried == []
    assert sorted(path.read_text().splitlines()) == sorted(whole.splitlines())


def test_a_failure_is_told_and_tried_again_when_asked(bench, measured):
    class Failing(measured):
        def run(self, jobs):
            return (Outcome(job.key, error="ValueError: no") for job in jobs)

    path = bench("instance", Failing(), methods=["box2mask"], shares=[0.5], seeds=1)
    assert not path.exists()
    assert len(rows_of(path.parent / "failures.csv")) == 3
    later = measured()
    bench("instance", later, methods=["box2mask"], shares=[0.5], seeds=1, retry_failed=True)
    assert len(later.tried) == len(rows_of(path)) == 3


def test_wrong_arguments_stop_it_before_anything_is_written(bench, measured, tmp_path):
    for options, message in [
        ({"shares": [0.0]}, "--shares: share: wanted a share above 0 and at most 1, got 0"),
        ({"seeds": 0}, "--seeds: seeds: wanted 1 or more, got 0"),
        ({"shares": [0.01]}, "bench: detection baseline, 0.01 P [+] I, seed 0: wanted at least one of 8 images"),
        ({"methods": ["cam"]}, "--methods: task: wanted a method for detection .*, got cam, one for semantic"),
    ]:
        with pytest.raises(InputError, match=message):
            bench("detection", measured(), **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_pilots_is_refused(bench, measured, tmp_path):
    bench("detection", measured(), methods=["wsddn"], shares=[0.5], seeds=1)
    description = tmp_path / "out" / "sweep.json"
    description.write_text(description.read_text().replace("cqb-bench", "cqb-pilots"))
    with pytest.raises(InputError, match="format: wanted 'cqb-bench', got 'cqb-pilots'"):
        bench("detection", measured(), methods=["wsddn"], shares=[0.5], seeds=1)
