"""mmdet's own tools on an mmcv without compiled operators: `python -m cqb_core.mmdet_tools test CONFIG CHECKPOINT`.

`tools/train.py` reads the config, and with it `custom_imports`, before it needs an operator. `tools/test.py` and
others import networks first and fail there; run by this module they find the operators that importing `cqb_core` has
installed.
"""

import runpy
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from cqb_core.errors import InputError


def find_tool(name: str) -> Path:
    """A script among those that come with the mmdet wheel, by its path without `.py`: `test`,
    `analysis_tools/analyze_logs`.

    Raises:
        InputError: naming the tools that there are.
    """
    mmdet = find_spec("mmdet")
    folder = Path(*(mmdet.submodule_search_locations or [""] if mmdet else [""])) / ".mim" / "tools"
    tool = folder / f"{name}.py"
    if not tool.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.py"))) or "none, since mmdet has no tools here"
        raise InputError(folder, "tool", f"one of {known}", name)
    return tool


def main(arguments: Sequence[str]) -> None:
    """Run a tool with the arguments that follow its name."""
    if not arguments:
        sys.exit("usage: python -m cqb_core.mmdet_tools TOOL [ARGUMENTS]...")
    try:
        tool = find_tool(arguments[0])
    except InputError as error:
        sys.exit(f"error: {error}")
    sys.argv = [str(tool), *arguments[1:]]
    runpy.run_path(str(tool), run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
