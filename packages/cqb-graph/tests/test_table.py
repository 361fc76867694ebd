import csv
import io

import pytest
import torch
from PIL import Image

from cqb_graph import ClassTable
from cqb_graph.heatmap import CELL


@pytest.fixture
def table():
    values = torch.tensor([[0.1, 0.45, 0.2], [0.0, 0.3, -0.6]])
    return ClassTable("what the numbers are", ("cat", "dog"), ("sky", "sea", "sand"), values, torch.tensor([0.4, 2.0]))


def test_text_names_what_speaks_most_and_begins_with_what_the_image_has_most_of(table):
    assert table.text(top=2).splitlines() == [
        "what the numbers are",
        "dog (2.0): sea 0.300, sky 0.000",
        "cat (0.4): sea 0.450, sand 0.200",
    ]


def test_csv_holds_every_number(table):
    header, *rows = csv.reader(io.StringIO(table.csv()))
    assert header == ["class", "support", "sky", "sea", "sand"]
    assert rows == [["cat", "0.4", "0.1", "0.45", "0.2"], ["dog", "2", "0", "0.3", "-0.6"]]


def test_rows_of_little_support_can_be_left_out(table):
    kept = table.of_support(0.5)
    assert kept.rows == ["dog"]
    assert torch.equal(kept.values, table.values[1:])
    with pytest.raises(ValueError, match="rows: wanted at least one class to draw, got none"):
        table.of_support(3.0).heatmap("never.png")


def test_the_heat_map_has_a_cell_a_number_in_its_shade(table, tmp_path):
    picture = Image.open(table.heatmap(tmp_path / "map.png")).convert("RGB")
    colours = picture.getcolors(maxcolors=1 << 16)
    inner = {colour: count for count, colour in colours}
    area = (CELL - 2) ** 2
    # 0.6 is the most: -0.6 is full blue, 0.45 is three quarters of the way to red, 0.3 half of it.
    for colour in ((33, 102, 172), (197, 82, 96), (216, 140, 149)):
        assert inner[colour] == area
    assert (178, 24, 43) not in inner


def test_nothing_is_left_behind_when_a_map_cannot_be_written(table, tmp_path):
    (tmp_path / "map.png").mkdir()
    with pytest.raises(OSError, match=r"map\.png"):
        table.heatmap(tmp_path / "map.png")
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]


def test_without_pillow_the_message_says_what_to_install(table, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "cqb-graph\[pictures\]"'):
        table.heatmap(tmp_path / "map.png")
