"""What a result came from: the commit of the code, the versions of what it stands on, the machine."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "cqb-net",
    "torch",
    "torchvision",
    "onedl-mmcv",
    "onedl-mmengine",
    "onedl-mmdetection",
    "numpy",
)


def commit() -> str:
    """The git commit of this code, with `+` when files of it were changed since; empty when it is in no repository."""
    here = Path(__file__).resolve()
    found = _git(here.parent, "rev-parse", "HEAD")
    if found is None or _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return ""
    changed = _git(here.parents[1], "status", "--porcelain", "--", ".")
    return found + ("+" if changed else "")


def versions() -> str:
    """Names and versions of Python and the packages, such as `python 3.11.7; torch 2.15.0`."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return "; ".join(f"{name} {number}" for name, number in found.items())


def machine() -> str:
    """The GPU, or the kind of processor with the threads that torch uses on it."""
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"{platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} cores"


def _git(folder: Path, *words: str) -> str | None:
    """What git prints, stripped; None when it fails or is not there."""
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None
    return done.stdout.strip()
