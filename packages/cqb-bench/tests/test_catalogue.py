"""A folder is a method; nothing else has to know of it."""

import sys

import pytest

import cqb_bench.methods
from cqb_bench import catalogue
from cqb_bench.catalogue import methods, registered

PAGE = """
from cqb_bench.method import Method
from cqb_core import Labels
METHOD = Method({name!r}, "New", "instance", Labels.BOX, "Someone, 2020", dict, registers=("json",))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A function that adds a folder with this `__init__.py` to the methods."""
    monkeypatch.setattr(cqb_bench.methods, "__path__", [*cqb_bench.methods.__path__, str(tmp_path)])
    methods.cache_clear()
    added = []

    def add(name, text):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
        added.append(f"cqb_bench.methods.{name}")

    yield add
    methods.cache_clear()
    for name in added:
        sys.modules.pop(name, None)


def test_a_new_folder_is_a_new_method(folder):
    folder("brand_new", PAGE.format(name="brand-new"))
    assert next(method for method in methods() if method.name == "brand-new").title == "New"
    assert "json" in registered()


@pytest.mark.parametrize(("text", "got"), [
    (PAGE.format(name="other"), "Method(name='other'"),
    ("", "None"),
    ("METHOD = 3", "3"),
])  # fmt: skip
def test_a_folder_without_its_method_is_named(folder, text, got):
    folder("brand_new", text)
    with pytest.raises(TypeError) as caught:
        methods()
    assert str(caught.value).startswith(f"methods/brand_new: wanted a METHOD of the name 'brand-new', got {got}")


def test_modules_are_registered_once():
    assert registered([method for method in methods() if method.ours]) == ["cqb_net.registry"]
    assert catalogue.registered().count("cqb_bench.methods.melm.auxiliary") == 1
