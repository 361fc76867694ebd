import subprocess

import pytest

from cqb_core import __version__
from cqb_net.pilots import provenance


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose one file is what `provenance` takes itself for."""
    file = tmp_path / "src" / "pilots" / "provenance.py"
    file.parent.mkdir(parents=True)
    file.write_text("a")
    git(tmp_path, "init", "-q")
    monkeypatch.setattr(provenance, "__file__", str(file))
    return tmp_path, file


def test_the_commit_of_the_code_and_whether_it_was_changed(repository):
    root, file = repository
    git(root, "add", ".")
    git(root, "commit", "-qm", "a")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    assert provenance.commit() == head.stdout.strip()
    file.write_text("b")
    assert provenance.commit() == head.stdout.strip() + "+"


def test_code_in_no_repository_or_not_of_it_has_no_commit(repository, monkeypatch):
    root, _ = repository
    (root / "other").write_text("")
    git(root, "add", "other")
    git(root, "commit", "-qm", "a")
    assert provenance.commit() == ""
    monkeypatch.setattr(provenance, "__file__", "/proc/self/status")
    assert provenance.commit() == ""


def test_versions_name_what_results_depend_on():
    told = dict(part.split(" ") for part in provenance.versions().split("; "))
    assert told["cqb-net"] == __version__
    assert {"python", "torch", "numpy"} < told.keys()
