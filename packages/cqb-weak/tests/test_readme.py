"""What the READMEs show runs as it stands there."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
SNIPPETS = [
    (path.relative_to(PACKAGE).as_posix(), number, block)
    for path in (PACKAGE / "README.md", *sorted(PACKAGE.glob("src/cqb_weak/*/README.md")))
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.S))
]


@pytest.mark.parametrize(
    ("path", "number", "block"), SNIPPETS, ids=[f"{path}-{number}" for path, number, _ in SNIPPETS]
)
def test_snippet(path, number, block):
    scope = {}
    exec(compile(block, f"{path}, block {number}", "exec"), scope)
    results = [*scope.get("terms", {}).values(), *(scope[name] for name in ("smooth", "exact") if name in scope)]
    assert results
    assert all(result.isfinite().all() for result in results)
