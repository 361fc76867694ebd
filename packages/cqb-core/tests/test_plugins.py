import sys
from importlib.metadata import EntryPoint

import pytest

from cqb_core import plugins
from cqb_core.training import config_names, load_config


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """A package `guest` whose registry leaves a mark, with a config, that has announced itself."""
    package = tmp_path / "guest"
    (package / "configs").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "registry.py").write_text("import sys\nsys.guest_was_here = True\n")
    base = '__import__("cqb_core.configs").configs.path("panoptic-cascade_tiny_scenes")'
    (package / "configs" / "guest_net.py").write_text(f"_base_ = {base}\nmodel = dict(num_things=3)\n")
    (package / "configs" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("guest", "guest.registry", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == plugins.GROUP else [])
    for cached in (plugins.registries, plugins.config_files):
        cached.cache_clear()
    yield package
    for cached in (plugins.registries, plugins.config_files):
        cached.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "guest"]:
        del sys.modules[name]


def test_a_plug_in_brings_configs_by_name_without_being_registered(plugged):
    assert "guest_net" in config_names()
    assert "panoptic-cascade_tiny_scenes" in config_names()
    made = load_config("guest_net")
    assert (made.model.num_things, made.model.type) == (3, "PanopticCascade")
    assert "guest.registry" not in sys.modules


def test_registering_imports_its_registry(plugged, monkeypatch):
    monkeypatch.delattr(sys, "guest_was_here", raising=False)
    plugins.register()
    assert sys.guest_was_here


def test_an_unknown_base_is_named():
    from cqb_core.configs import path

    with pytest.raises(FileNotFoundError, match="wanted a config of cqb-core, got 'panoptic-cascade_tiny'"):
        path("panoptic-cascade_tiny")
