import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from cqb_net.pilots.attempt import attempt
from cqb_net.pilots.execution import Job, Place

PLACE = Place(threads=1)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def wait_for(path, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.read_text()


def running(code):
    """A job that runs some lines of Python."""
    return Job("a", partial(exec, textwrap.dedent(code), {}))


def test_a_value_comes_back_from_another_process():
    outcome = attempt(Job("a", partial(eval, "(__import__('os').getpid(), 7)", {})), PLACE)
    assert (outcome.key, outcome.error, outcome.lost) == ("a", "", False)
    assert outcome.value[1] == 7
    assert outcome.value[0] != os.getpid()


def test_a_call_longer_than_a_pipe_arrives_whole():
    text = "x" * 1_000_000
    assert attempt(Job("a", partial(len, text)), PLACE).value == 1_000_000


def test_the_process_sees_its_place():
    call = partial(eval, "[__import__('os').environ.get(n) for n in ('OMP_NUM_THREADS', 'CUDA_VISIBLE_DEVICES')]", {})
    assert attempt(Job("a", call), Place(threads=3, gpu="GPU-1")).value == ["3", "GPU-1"]


def test_an_exception_is_the_error_and_its_traceback_the_log(tmp_path):
    log = tmp_path / "deep" / "log.txt"
    code = "from cqb_core import InputError\nraise InputError('a.json', 'b', 'c', 'two\\n  lines')"
    outcome = attempt(Job("a", partial(exec, code, {}), log), PLACE)
    assert outcome.error == "cqb_core.errors.InputError: a.json: b: wanted c, got two lines"
    assert not outcome.lost
    assert "Traceback (most recent call last):" in log.read_text()


def test_an_error_is_that_of_this_attempt(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("Traceback (most recent call last):\n  old\nValueError: of yesterday\n")
    assert attempt(Job("a", partial(os._exit, 3), log), PLACE).error == "exit status 3 without a result"
    assert log.read_text().startswith("Traceback")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_is_a_loss(number):
    outcome = attempt(Job("a", partial(signal.raise_signal, number)), PLACE)
    assert (outcome.error, outcome.lost) == (f"killed by {number.name}", True)


def test_a_hanging_job_is_stopped_after_its_limit():
    start = time.monotonic()
    outcome = attempt(Job("a", partial(time.sleep, 60), limit=0.5), PLACE)
    assert 0.5 <= time.monotonic() - start < 20
    assert (outcome.error, outcome.lost) == ("stopped after the limit of 0.5 s", False)


def test_a_job_ends_with_all_that_it_started_when_it_is_to_stop(tmp_path):
    note = tmp_path / "pid"
    code = f"""
        import subprocess, time
        grandchild = subprocess.Popen(["sleep", "60"])
        open({str(note)!r}, "w").write(str(grandchild.pid))
        time.sleep(60)
    """
    outcome = attempt(running(code), PLACE, stopped=lambda: note.exists() and bool(note.read_text()))
    assert (outcome.error, outcome.lost) == ("stopped", True)
    assert gone(int(note.read_text()))


def test_what_cannot_be_pickled_back_is_an_error():
    outcome = attempt(Job("a", partial(eval, "lambda: 0", {})), PLACE)
    assert "pickle" in outcome.error
    assert not outcome.lost


def test_a_job_and_its_children_die_with_their_parent(tmp_path):
    note = tmp_path / "pids"
    inner = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)\n"
    )
    outer = (
        "from functools import partial\n"
        "from cqb_net.pilots.attempt import attempt\n"
        "from cqb_net.pilots.execution import Job, Place\n"
        f"attempt(Job('a', partial(exec, {inner!r}, {{}})), Place(1))\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", outer])
    pids = [int(word) for word in wait_for(note).split()]
    assert all(map(alive, pids))
    driver.kill()
    driver.wait()
    assert all(map(gone, pids))
