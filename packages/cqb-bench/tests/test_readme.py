"""The page lists the methods that there are, and its answers are the command's."""

import csv
import re
from pathlib import Path

import pytest

import cqb_bench.methods
from cqb_bench.catalogue import methods
from cqb_bench.methods.grabcut_faster_rcnn.cut import GrabCut

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "README.md").read_text()
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


def test_the_table_of_grabcut_is_that_of_its_csv():
    folder = Path(cqb_bench.methods.__file__).parent / "grabcut_faster_rcnn"
    table = (folder / "README.md").read_text().partition("<!-- table grabcut -->")[2].partition("<!-- end -->")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()[2:]]
    with (ROOT / "results" / "grabcut.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("data", "setting", "boxes", "filled", "iou", "filled_iou")
    assert [line[:6] for line in lines] == [[row[name] for name in names] for row in rows]
    defaults = [row for row in rows if "default" in row["setting"]]
    assert len(defaults) == len({row["data"] for row in rows}) == 3
    for row in defaults:
        assert [float(row[name]) for name in ("core", "least", "iterations")] == [
            GrabCut.core,
            GrabCut.least,
            GrabCut.iterations,
        ]
        assert float(row["iou"]) > float(row["filled_iou"]) + 0.05
