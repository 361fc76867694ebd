"""cqb-graph stands alone: importing it pulls in torch and jaxtyping, no picture writer and no sibling."""

import subprocess
import sys
from pathlib import Path

import cqb_graph

FOREIGN = ("PIL", "torchvision", "mmdet", "mmcv", "matplotlib", "cqb_core", "cqb_net", "cqb_pareto", "cqb_weak")


def test_importing_every_module_imports_nothing_foreign():
    root = Path(cqb_graph.__file__).parent
    names = [f"cqb_graph.{path.stem}" for path in root.glob("*.py") if path.stem != "__init__"]
    program = "import sys\n" + "\n".join(f"import {name}" for name in names) + "\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert set(names) <= modules
    assert not modules & set(FOREIGN)
