import os
import subprocess
import sys
import time

import pytest

from cqb_core import InputError
from cqb_net.pilots.lock import locked


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `tmp_path`."""
    code = (
        "import pathlib, time\n"
        "from cqb_net.pilots.lock import locked\n"
        f"with locked(pathlib.Path({str(tmp_path)!r})):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_with_the_name_of_the_first(tmp_path, holder):
    message = f"lock: wanted a folder that no other .*, got process {holder.pid} on "
    with pytest.raises(InputError, match=message), locked(tmp_path):
        pass


def test_a_lock_ends_with_its_holder(tmp_path, holder):
    holder.kill()
    with locked(tmp_path, patience=10.0):
        assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} on ")


def test_patience_ends(tmp_path, holder):
    start = time.monotonic()
    with pytest.raises(InputError), locked(tmp_path, patience=0.3):
        pass
    assert 0.3 <= time.monotonic() - start < 5


def test_a_lock_can_be_taken_again(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "new"):
            pass
