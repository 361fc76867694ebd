"""Tables in a README that a script makes: what stands between `<!-- table NAME -->` and `<!-- end -->`."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from cqb_core.files import write_text


def rewrite(readme: Path, made: Callable[[str], str | None]) -> bool:
    """Replace the tables of a README, and say whether anything changed.

    Args:
        readme: the file.
        made: from a table's name to its Markdown; None leaves it as it is.
    """
    text = readme.read_text()

    def replaced(found: re.Match[str]) -> str:
        table = made(found[2])
        return found[0] if table is None else found[1] + table + found[3]

    new = re.sub(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", replaced, text, flags=re.DOTALL)
    if new != text:
        write_text(readme, new)
    return new != text


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    every = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in every)
