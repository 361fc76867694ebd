"""Sweeps of trivial pilots: what is killed, hangs or fails, and what a second start makes of it."""

import csv
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from cqb_core import InputError
from cqb_net.pilots.execution import Outcome
from cqb_net.pilots.local import LocalProcesses
from cqb_net.pilots.protocol import ROWS
from cqb_net.pilots.sweep import TRIES, run_sweep, wanted_entries
from cqb_pareto import read_pilots

ALL = [row.name for row in ROWS]


class Scripted:
    """An executor that runs nothing: its script says how each job ends; a key that is not in it ends well.

    `script` goes from key to the outcomes of the first, second, ... try. `tried` are the keys in order.
    """

    slots = 2

    def __init__(self, result, script=None):
        self.result, self.script, self.tried = result, script or {}, []

    def run(self, jobs):
        for job in jobs:
            self.tried.append(job.key)
            left = self.script.get(job.key)
            ending = left.pop(0) if left else {"value": self.result}
            if isinstance(ending, BaseException):
                raise ending
            yield Outcome(job.key, **ending)


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def sweep_into(out, sweep, executor, **options):
    return run_sweep(sweep, out, executor, check=False, progress=False, **options)


def test_every_training_is_a_row_and_every_comparison_another(sweep_of, result, tmp_path):
    sweep = sweep_of(*ALL, shares=(0.25, 0.5), seeds=2)
    table = sweep_into(tmp_path / "out", sweep, Scripted(result))
    assert len(rows_of(tmp_path / "out" / "runs.csv")) == len(sweep.trainings) == 40
    pilots = read_pilots(table)
    assert len(pilots.runs) == 60
    things = next(run for run in pilots.runs if run.module == "Cls2Box")
    assert (things.qualities["pq_th"], things.images) == (result["pq_th"], 8)
    blank = {name for name, value in things.qualities.items() if value != value}
    assert blank == {"pq", "sq", "rq", "pq_st", "sq_st", "rq_st"}
    keys = [run.run.partition("/")[0] for run in pilots.runs if (run.share, run.seed) == (0.5, 1)]
    assert len(set(keys)) == 10
    row = rows_of(tmp_path / "out" / "runs.csv")[0]
    assert (row["config"], row["fingerprint"], row["curve"]) == (
        "cqb-net_tiny_scenes",
        sweep.fingerprint,
        f"runs/{row['key']}/curve.csv",
    )


def test_a_second_start_trains_what_is_left_and_other_rows_are_added(sweep_of, result, tmp_path):
    first = Scripted(result)
    sweep_into(tmp_path, sweep_of("Cls2Box"), first)
    again, more = Scripted(result), Scripted(result)
    sweep_into(tmp_path, sweep_of("Cls2Box"), again)
    assert (len(first.tried), again.tried) == (3, [])
    sweep_into(tmp_path, sweep_of("Cls2Box", "Cls2Pixel"), more)
    assert len(more.tried) == 2
    assert len(rows_of(tmp_path / "pilots.csv")) == 6


def test_rows_that_a_kill_kept_from_being_written_are_written(sweep_of, result, tmp_path):
    sweep = sweep_of("Cls2Box", "Cls2Pixel")
    table = sweep_into(tmp_path, sweep, Scripted(result))
    whole = table.read_text()
    table.write_text(whole[: len(whole) // 2])
    nothing = Scripted(result)
    sweep_into(tmp_path, sweep, nothing)
    assert nothing.tried == []
    assert sorted(table.read_text().splitlines()) == sorted(whole.splitlines())


def test_trainings_of_another_folder_are_taken_over_where_they_would_be_the_same(sweep_of, result, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    first, rest = Scripted(result), Scripted({**result, "pq": 77.0})
    done = sweep_of("Cls2Box", shares=(0.5,))
    sweep_into(old, done, first)
    curve = old / "runs" / done.trainings[0].pilot.key / "curve.csv"
    curve.parent.mkdir(parents=True, exist_ok=True)
    curve.write_text("iteration\n")
    before = (old / "runs.csv").read_text()
    (old / "runs.csv").write_text(before + "cut o")
    sweep = sweep_of("Cls2Box", "Box2Mask", shares=(0.25, 0.5))
    table = sweep_into(new, sweep, rest, reuse=[old / "runs.csv"])
    keys = {planned.pilot.key for planned in sweep.trainings}
    assert set(rest.tried) == keys - set(first.tried)
    assert len(rest.tried) == 7
    assert (old / "runs.csv").read_text() == before + "cut o"
    rows = {row["key"]: row for row in rows_of(new / "runs.csv")}
    assert {key for key, row in rows.items() if row["pq"] != "77.0"} == set(first.tried)
    assert (new / rows[done.trainings[0].pilot.key]["curve"]).samefile(curve)
    assert rows[done.trainings[1].pilot.key]["curve"] == ""
    assert len(read_pilots(table).runs) == 12
    with pytest.raises(InputError, match="none.csv: table: wanted a CSV file, got none there"):
        sweep_into(new, sweep, Scripted(result), reuse=[tmp_path / "none.csv"])
    again = Scripted(result)
    sweep_into(new, sweep, again, reuse=[old / "runs.csv"])
    assert (again.tried, len(rows_of(new / "runs.csv"))) == ([], 10)


def test_a_failure_is_recorded_and_tried_again_only_when_asked(sweep_of, result, tmp_path):
    sweep = sweep_of("Cls2Box")
    key = sweep.trainings[1].pilot.key
    failing = Scripted(result, {key: [{"error": "ValueError: no", "seconds": 2.5}]})
    sweep_into(tmp_path, sweep, failing)
    assert len(failing.tried) == 3
    [failure] = rows_of(tmp_path / "failures.csv")
    told = (failure["key"], failure["error"], failure["tries"], failure["seconds"], failure["log"])
    assert told == (key, "ValueError: no", "1", "2.5", f"runs/{key}/log.txt")
    assert key not in {row["key"] for row in rows_of(tmp_path / "runs.csv")}
    without, again = Scripted(result), Scripted(result)
    sweep_into(tmp_path, sweep, without)
    sweep_into(tmp_path, sweep, again, retry_failed=True)
    assert (without.tried, again.tried) == ([], [key])
    assert len(rows_of(tmp_path / "runs.csv")) == 3


def test_a_lost_training_is_tried_again_after_the_others(sweep_of, result, tmp_path):
    sweep = sweep_of("Cls2Box")
    first, *others = (planned.pilot.key for planned in sweep.trainings)
    executor = Scripted(result, {first: [{"error": "killed by SIGKILL", "lost": True}]})
    sweep_into(tmp_path, sweep, executor)
    assert executor.tried == [first, *others, first]
    assert len(rows_of(tmp_path / "runs.csv")) == 3


def test_a_training_that_is_lost_again_and_again_has_failed(sweep_of, result, tmp_path):
    sweep = sweep_of("Cls2Box")
    key = sweep.trainings[0].pilot.key
    executor = Scripted(result, {key: [{"error": "killed by SIGKILL", "lost": True}] * TRIES})
    sweep_into(tmp_path, sweep, executor)
    assert executor.tried.count(key) == TRIES
    assert [(row["error"], row["tries"]) for row in rows_of(tmp_path / "failures.csv")] == [("killed by SIGKILL", "3")]


def test_ctrl_c_says_how_to_go_on(sweep_of, result, tmp_path, capsys):
    sweep = sweep_of("Cls2Box")
    executor = Scripted(result, {sweep.trainings[1].pilot.key: [KeyboardInterrupt()]})
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, tmp_path, executor, check=False)
    assert capsys.readouterr().err.endswith("stopped with 1 of 3 done; the same command continues\n")
    assert len(rows_of(tmp_path / "runs.csv")) == 1


def test_progress_tells_counts_results_and_failures(sweep_of, result, tmp_path, capsys):
    sweep = sweep_of("Cls2Box")
    script = {sweep.trainings[2].pilot.key: [{"error": "ValueError: no"}]}
    run_sweep(sweep, tmp_path, Scripted(result, script), check=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(
        "Cls2Box baseline, 0.5 P + I, seed 0: pq 10.0, pq_th 11.0, pq_st 12.0 in 0.0 s (1 done, 0"
    )
    assert "0 failed, 1 running, about " in lines[1]
    assert lines[2] == "Cls2Box upper, 0.5 P + B, seed 0: failed: ValueError: no (2 done, 1 failed, 0 running)"
    assert lines[3].endswith(f"2 of 3 trainings done, 1 failed, see {tmp_path / 'failures.csv'} (--retry-failed)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0], 1, None, None), "--shares: share: wanted a share above 0 and at most 1, got 0"),
        (([0.5, 1.2], 1, None, None), "--shares: share: wanted a share above 0 and at most 1, got 1.2"),
        (([0.5], 0, None, None), "--seeds: seeds: wanted 1 or more, got 0"),
        (([0.5], 1, ["Cls2Box"], "d.csv"), "--rows: rows: wanted rows of Table 2 without --design, got Cls2Box"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(InputError) as caught:
        wanted_entries(*arguments)
    assert str(caught.value) == message


DRIVER = """
    import pickle, signal, sys
    from pathlib import Path
    from cqb_net.pilots.local import LocalProcesses
    from cqb_net.pilots.sweep import run_sweep
    import trivial

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit a deaf one
    sweep = pickle.loads(Path(sys.argv[1]).read_bytes())
    run_sweep(sweep, sys.argv[2], LocalProcesses(2), check=False, run=trivial.run)
"""
TRIVIAL = """
    import json, os, time
    from cqb_core.files import write_text

    def run(pilot, data, folder, keep_weights):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(0.3)
        result = json.loads(os.environ["RESULT"])
        write_text(folder / "result.json", json.dumps(result))
        return result
"""


@pytest.fixture
def driver(sweep_of, result, tmp_path):
    """A function that starts a sweep of five trivial pilots as a process of its own, into `tmp_path / "out"`."""
    (tmp_path / "sweep").write_bytes(pickle.dumps(sweep_of("Cls2Box", "Box2Mask")))
    (tmp_path / "trivial.py").write_text(textwrap.dedent(TRIVIAL))
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "RESULT": json.dumps(result)}
    call = [sys.executable, "-c", textwrap.dedent(DRIVER), str(tmp_path / "sweep"), str(tmp_path / "out")]
    return lambda: subprocess.Popen(call, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def results(out):
    return len(list(out.glob("runs/*/result.json")))


def test_whoever_is_killed_every_pilot_has_one_row_in_the_end(driver, tmp_path):
    out, luck = tmp_path / "out", random.Random(0)
    for stage in (1, 3):
        process = driver()
        until(lambda stage=stage: results(out) >= stage)
        pids = [int(file.read_text() or 0) for file in out.glob("runs/*/pid")]
        for pid in (pid for pid in pids if pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(luck.uniform(0, 0.2))
        process.kill()
        process.communicate()
    process = driver()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "5 of 5 trainings done" in err
    keys = [row["key"] for row in rows_of(out / "runs.csv")]
    assert len(keys) == len(set(keys)) == 5
    assert len(read_pilots(out / "pilots.csv").runs) == 6
    assert not (out / "failures.csv").exists()


def test_ctrl_c_ends_the_jobs_too(driver, tmp_path):
    out = tmp_path / "out"
    process = driver()
    until(lambda: results(out) >= 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "of 5 done; the same command continues" in err
    before = results(out)
    time.sleep(0.6)
    assert results(out) == before < 5


def test_two_sweeps_in_one_folder_are_refused(driver, tmp_path):
    out = tmp_path / "out"
    first = driver()
    until(lambda: (out / "runs").exists())
    second = driver()
    _, err = second.communicate(timeout=60)
    first.kill()
    first.communicate()
    assert f"InputError: {out}: lock: wanted a folder that no other process works in, got process {first.pid} on" in err


def test_a_pilot_that_hangs_is_stopped_and_recorded(sweep_of, tmp_path, monkeypatch):
    (tmp_path / "hanging.py").write_text("import time\ndef run(*_):\n    time.sleep(60)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import hanging

    sweep = sweep_of("Cls2Box")
    sweep_into(tmp_path / "out", sweep, LocalProcesses(3), limit=1.0, run=hanging.run)
    failures = rows_of(tmp_path / "out" / "failures.csv")
    assert {row["error"] for row in failures} == {"stopped after the limit of 1.0 s"}
    assert len(failures) == 3
