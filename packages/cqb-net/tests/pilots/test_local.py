import signal
import time
from contextlib import closing
from functools import partial

import pytest

from cqb_net.pilots.execution import Job
from cqb_net.pilots.local import LocalProcesses, gpus_here


def test_every_job_has_one_outcome_whatever_happens_to_the_others():
    jobs = [
        Job("fine", partial(sum, (1, 2))),
        Job("killed", partial(signal.raise_signal, signal.SIGKILL)),
        Job("wrong", partial(int, "x")),
        Job("fine too", partial(sum, (3, 4))),
    ]
    ended = list(LocalProcesses(2).run(jobs))
    assert sorted(outcome.key for outcome in ended) == sorted(job.key for job in jobs)
    outcomes = {outcome.key: outcome for outcome in ended}
    assert (outcomes["fine"].value, outcomes["fine too"].value) == (3, 7)
    assert [key for key, outcome in outcomes.items() if outcome.lost] == ["killed"]
    assert outcomes["wrong"].error == "ValueError: invalid literal for int() with base 10: 'x'"


def test_jobs_run_side_by_side_and_no_more_than_the_slots(tmp_path):
    """Each job notes when it starts and ends; at no time are there more than two, and at some there are two."""
    code = (
        "import time, pathlib, os\n"
        f"note = pathlib.Path({str(tmp_path)!r}) / str(os.getpid())\n"
        "begun = time.monotonic()\n"
        "time.sleep(0.5)\n"
        "note.write_text(f'{begun} {time.monotonic()}')\n"
    )
    jobs = [Job(str(number), partial(exec, code, {})) for number in range(5)]
    assert [outcome.error for outcome in LocalProcesses(2).run(jobs)] == [""] * 5
    spans = [tuple(map(float, file.read_text().split())) for file in tmp_path.iterdir()]
    together = [sum(start <= begun < end for start, end in spans) for begun, _ in spans]
    assert max(together) == 2


def test_closing_stops_what_runs_and_starts_nothing_more(tmp_path):
    code = f"import os, time; open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w'); time.sleep(60)"
    jobs = [Job("quick", partial(sum, (1,))), *(Job(str(n), partial(exec, code, {})) for n in range(5))]
    start = time.monotonic()
    with closing(LocalProcesses(2).run(jobs)) as outcomes:
        assert next(outcomes).key == "quick"
    assert time.monotonic() - start < 30
    assert len(list(tmp_path.iterdir())) <= 2


def test_cores_are_shared_out_unless_threads_are_asked_for(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert [place.threads for place in LocalProcesses(3).places] == [2, 2, 2]
    assert [place.threads for place in LocalProcesses(16).places] == [1] * 16
    assert LocalProcesses().slots == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert [place.threads for place in LocalProcesses(2).places] == [3, 3]


def test_gpus_take_turns():
    places = LocalProcesses(gpus=("4", "7")).places
    assert [place.gpu for place in places] == ["4", "7"]
    assert [place.gpu for place in LocalProcesses(3, ("4", "7")).places] == ["4", "7", "4"]


@pytest.mark.parametrize(
    ("named", "found"), [("2,3", ("2", "3")), ("", ("0", "1")), ("GPU-a, GPU-b", ("GPU-a", "GPU-b"))]
)
def test_gpus_keep_their_names(monkeypatch, named, found):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpus_here() == found


def test_there_must_be_a_worker():
    with pytest.raises(ValueError, match="workers: wanted 1 or more, got 0"):
        LocalProcesses(0)
