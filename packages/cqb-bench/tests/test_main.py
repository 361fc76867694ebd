import subprocess
import sys

import pytest

import cqb_bench
from cqb_bench import main as module
from cqb_core import InputError

HEAVY = ("torch", "mmdet", "mmengine", "mmcv", "torchvision", "scipy", "matplotlib")


@pytest.mark.parametrize("verb", [[], ["run"], ["plot"]])
def test_help_imports_nothing_heavy(verb):
    code = (
        "import sys, atexit\n"
        f"heavy = lambda: print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
        "atexit.register(heavy)\n"
        "from cqb_bench.main import main\n"
        f"sys.argv = ['cqb-bench', *{verb!r}, '--help']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: cqb-bench" in done.stdout
    assert "HEAVY []" in done.stdout


def test_verbs_and_version(run):
    _, out, _ = run("--help")
    assert all(verb in out for verb in ("run", "table", "plot", "methods"))
    assert run("--version") == (0, f"{cqb_bench.__version__}\n", "")


def test_a_wrong_call_is_status_2_with_a_guess(run):
    status, _, err = run("tabel", "x")
    assert status == 2
    assert "table" in err.replace("tabel", "")
    assert run("run")[0] == 2
    assert run()[0] == 2


def test_what_a_user_can_mend_is_one_sentence(monkeypatch, capsys):
    def fail(**_):
        raise InputError("a.json", "b", "c", "d")

    monkeypatch.setattr(module, "app", fail)
    with pytest.raises(SystemExit) as caught:
        module.main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: a.json: b: wanted c, got d\n"


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch):
    def fail(**_):
        raise RuntimeError("ours")

    monkeypatch.setattr(module, "app", fail)
    with pytest.raises(RuntimeError, match="ours"):
        module.main()
