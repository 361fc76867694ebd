"""The page lists the methods that there are, and its answers are the command's."""

import re
from pathlib import Path

import pytest

from cqb_bench.catalogue import methods

PAGE = (Path(__file__).parents[1] / "README.md").read_text()
ANSWERS = re.findall(r"^\| `(--(?:methods|task|rest) [^`]*)` \| `([^`]*)` \|$", PAGE, re.M)


def test_every_method_has_its_row():
    rows = re.findall(
        r"^\| \[([a-z0-9-]+)\]\(src/cqb_bench/methods/(\w+)/README\.md\)( \(ours\))? \| (\w+) \|", PAGE, re.M
    )
    wanted = {(m.name, m.name.replace("-", "_"), " (ours)" if m.ours else "", m.task) for m in methods()}
    assert set(rows) == wanted


@pytest.mark.parametrize(("words", "answer"), ANSWERS, ids=[words for words, _ in ANSWERS])
def test_its_answers_are_the_commands(refused, scenes, tmp_path, words, answer):
    task = [] if "--task" in words else ["--task", "detection"]
    call = (
        "run",
        *task,
        *words.split(),
        "--data",
        scenes,
        "--config",
        "cqb-net_tiny_scenes",
        "--out",
        tmp_path / "out",
    )
    assert refused(*call) == answer


def test_there_are_answers():
    assert len(ANSWERS) == 4
