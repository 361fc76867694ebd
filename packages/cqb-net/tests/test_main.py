import resource
import subprocess
import sys

import pytest

import cqb_net
from cqb_core.errors import InputError
from cqb_net import main as module

HEAVY = ("torch", "mmdet", "mmengine", "mmcv", "torchvision", "scipy", "matplotlib")


@pytest.mark.parametrize("verb", [[], ["train"]])
def test_help_imports_nothing_heavy(verb):
    code = (
        "import sys, atexit\n"
        f"heavy = lambda: print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
        "atexit.register(heavy)\n"
        "from cqb_net.main import main\n"
        f"sys.argv = ['cqb-net', *{verb!r}, '--help']\n"
        "main()\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "Usage: cqb-net" in done.stdout
    assert "HEAVY []" in done.stdout
    assert after.ru_utime - before.ru_utime < 2


def test_the_verbs_are_those_of_the_readme(run):
    _, out, _ = run("--help")
    assert all(verb in out for verb in ("data", "train", "evaluate", "predict"))
    _, out, _ = run("data", "--help")
    assert all(verb in out for verb in ("scenes", "check", "assign"))


def test_the_version_is_shown(run):
    assert run("--version") == (0, f"{cqb_net.__version__}\n", "")


def test_a_wrong_call_is_status_2_with_a_guess(run):
    status, _, err = run("trian")
    assert status == 2
    assert "No such command 'trian'" in err
    assert "train" in err.replace("trian", "")
    assert run("train")[0] == 2
    assert run("evaluate", "x", "--dat", "y")[0] == 2
    assert run()[0] == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(InputError("a.json", "b", "c", "d"), 1), (type("NonFiniteLossError", (RuntimeError,), {})("loss is NaN"), 1)],
)
def test_what_a_user_can_mend_is_one_sentence(monkeypatch, capsys, error, status):
    def fail(**_):
        raise error

    monkeypatch.setattr(module, "app", fail)
    with pytest.raises(SystemExit) as caught:
        module.main()
    assert caught.value.code == status
    assert capsys.readouterr().err == f"error: {error}\n"


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch):
    def fail(**_):
        raise RuntimeError("ours")

    monkeypatch.setattr(module, "app", fail)
    with pytest.raises(RuntimeError, match="ours"):
        module.main()
