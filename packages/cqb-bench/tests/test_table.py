import io
from dataclasses import replace

import pytest
from rich.console import Console

from cqb_bench.results import read_results
from cqb_bench.table import markdown, rich_table, rows, verdicts


@pytest.fixture
def standings(folder):
    return read_results(folder)["detection"]


def test_rows_tell_differences_and_mark_who_beats_ours(standings):
    cells = {(row[0], row[3]): row for row in rows(standings)}
    assert cells["0.1", "WSDDN"] == ["0.1", "I", "0.105", "WSDDN", "16.0", "1.4", "2", "+5.0", "> +1.0"]
    assert cells["0.5", "WSDDN"][-2:] == ["+1.0", "-3.0"]
    assert cells["0.1", "Cls2Box (ours)"][-2:] == ["+4.0", "-"]
    assert cells["0.1", "upper"][-2:] == ["+10.0", "+6.0"]
    assert cells["0.1", "baseline"][-2:] == ["-", "-4.0"]


def test_verdicts_name_who_beats_ours_at_each_share(standings):
    assert verdicts(standings) == [
        "0.1 panoptic: Cls2Box is beaten by WSDDN by 1.0 (ahead in 2 of 2 seeds)",
        "0.5 panoptic: no other method beats Cls2Box",
    ]
    alone = [standing for standing in standings if standing.method in ("baseline", "cls2box")]
    assert verdicts(alone)[0] == "0.1 panoptic: nothing to compare Cls2Box with"


@pytest.mark.parametrize("worth", [15.0, 15.04])
def test_a_lead_that_the_table_does_not_show_beats_nobody(standings, worth):
    here = [each for each in standings if each.share == 0.1 and each.method in ("baseline", "cls2box", "wsddn")]
    even = [replace(each, values={0: worth, 1: worth}) if each.method == "wsddn" else each for each in here]
    assert [row[-1] for row in rows(even) if row[3] == "WSDDN"] == ["+0.0"]
    assert verdicts(even) == ["0.1 panoptic: no other method beats Cls2Box"]


def test_markdown_has_every_row_and_the_verdicts(standings):
    lines = markdown("detection", standings).splitlines()
    assert lines[0] == "| panoptic | rest | cost | method | box AP | spread | seeds | to baseline | to ours |"
    assert len([line for line in lines if line.startswith("|")]) == 2 + 10
    assert "| 0.1 | I | 0.105 | WSDDN | 16.0 | 1.4 | 2 | +5.0 | > +1.0 |" in lines
    assert lines[-1] == "0.5 panoptic: no other method beats Cls2Box"


def test_a_terminal_shows_a_section_a_share(standings):
    text = io.StringIO()
    Console(file=text, width=140).print(rich_table("detection", standings))
    shown = text.getvalue()
    assert "detection, box AP" in shown
    assert shown.count("├") == 1
    assert "Cls2Box is beaten by WSDDN" in shown
