"""cqb-pareto stands alone: what importing it pulls in."""

import subprocess
import sys
from pathlib import Path

import cqb_pareto

HEAVY = ("torch", "plotly", "pymoo", "matplotlib", "scipy.optimize", "scipy.stats")


def loaded(code):
    """Modules that a fresh interpreter has after running some code."""
    program = f"import sys\n{code}\nprint(*sorted(sys.modules), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_everything_imports_no_torch_and_no_sibling():
    root = Path(cqb_pareto.__file__).parent
    files = (path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py"))
    names = [".".join(path.parts).removesuffix(".__init__") for path in files]
    modules = loaded("\n".join(f"import {name}" for name in names))
    assert set(names) <= modules
    assert not {
        m for m in modules if m.split(".")[0] in {"torch", "mmdet", "cqb_core", "cqb_net", "cqb_weak", "cqb_graph"}
    }


def test_the_package_and_the_command_import_nothing_heavy():
    for code in ("import cqb_pareto", "import cqb_pareto.cli"):
        assert not loaded(code).intersection(HEAVY)


def test_torch_is_not_required():
    """The wheel's dependencies, and theirs, do not name torch; pretending that it is missing breaks nothing."""
    code = "import sys; sys.modules['torch'] = None\nimport cqb_pareto, cqb_pareto.problem, cqb_pareto.report"
    assert "cqb_pareto.problem" in loaded(code)
