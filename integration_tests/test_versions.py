"""One version for all packages, and exact pins between them."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

PACKAGES = sorted((Path(__file__).parent.parent / "packages").glob("*/pyproject.toml"))
SIBLINGS = {path.parent.name for path in PACKAGES}


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_packages_share_one_version_and_pin_their_siblings_to_it(path):
    project = tomllib.loads(path.read_text())
    assert project["project"]["name"] == path.parent.name
    assert project["project"]["dynamic"] == ["version"]
    source = path.parent / project["tool"]["hatch"]["version"]["path"]
    stated = re.search(r'__version__ = "(.+)"', source.read_text())[1]
    assert version(path.parent.name) == stated
    for requirement in project["project"]["dependencies"]:
        name = re.match(r"[A-Za-z0-9-]+", requirement)[0].lower()
        if name in SIBLINGS:
            assert requirement == f"{name}=={stated}"


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_packages_have_what_a_reader_and_a_type_checker_look_for(path):
    module = path.parent / "src" / path.parent.name.replace("-", "_")
    assert (path.parent / "README.md").read_text().startswith(f"# {path.parent.name}")
    assert (path.parent / "tests").is_dir()
    assert (module / "py.typed").is_file()
    assert (module / "__init__.py").read_text().startswith('"""')
