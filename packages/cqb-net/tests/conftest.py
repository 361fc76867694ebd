import sys

import pytest

from cqb_core.testing import drawn
from cqb_net.main import main


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("scenes"))


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that calls `cqb-net` as a shell would and gives exit status, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["cqb-net", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def refused(run):
    """A function that gives the one sentence of a call that must fail."""

    def call(*arguments):
        status, _, err = run(*arguments)
        assert status == 1, err
        assert "Traceback" not in err
        sentences = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(sentences) == 1, err
        return sentences[0].removeprefix("error: ")

    return call
