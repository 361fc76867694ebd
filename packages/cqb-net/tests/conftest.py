import pytest

from cqb_core.testing import calling, drawn, refusing
from cqb_net.main import main


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("scenes"))


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that calls `cqb-net` as a shell would and gives exit status, standard output and standard error."""
    return calling("cqb-net", main, monkeypatch, capsys)


@pytest.fixture
def refused(run):
    """A function that gives the one sentence of a call that must fail."""
    return refusing(run)
