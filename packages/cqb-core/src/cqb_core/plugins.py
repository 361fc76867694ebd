"""Packages that plug into this one by the entry-point group `cqb_core.plugins`.

An entry point names the module whose import registers the package's parts (`cqb_net.registry`); configs in a folder
`configs` beside that module are then known by name. Only installed packages can do this, so a config or a checkpoint
cannot bring code of its own.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

GROUP = "cqb_core.plugins"


@cache
def registries() -> tuple[str, ...]:
    """Modules that register something: this package's and those of the plug-ins, by name."""
    return ("cqb_core.registry", *sorted({point.module for point in entry_points(group=GROUP)}))


def register() -> None:
    """Import every registry."""
    for module in registries():
        import_module(module)


@cache
def config_files() -> dict[str, Path]:
    """Configs by name; nothing of a plug-in but its top package is imported for this."""
    folders = [_folder(module) / "configs" for module in registries()]
    files = (file for folder in folders for file in sorted(folder.glob("*.py")) if not file.stem.startswith("_"))
    return {file.stem: file for file in files}


def _folder(module: str) -> Path:
    spec = find_spec(module.rpartition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{GROUP}: wanted a module in a package, got {module}")
    return Path(spec.submodule_search_locations[0])
