"""What the READMEs show runs as it stands there."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
SNIPPETS = [
    (path.relative_to(PACKAGE).as_posix(), number, block)
    for path in (PACKAGE / "README.md", PACKAGE / "src/cqb_weak/cls2box/README.md")
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.S))
]


@pytest.mark.parametrize(
    ("path", "number", "block"), SNIPPETS, ids=[f"{path}-{number}" for path, number, _ in SNIPPETS]
)
def test_snippet(path, number, block):
    scope = {}
    exec(compile(block, f"{path}, block {number}", "exec"), scope)
    assert all(term.isfinite() for term in scope["terms"].values())
