import csv

import pytest

from cqb_core import InputError, Labels, assign
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_net.worklist import what_to_draw, write_worklist
from cqb_pareto import named_prices


@pytest.fixture
def index(scenes):
    return read_split(find_split(scenes, "train"))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_image_is_on_one_list_with_its_time(index, tmp_path):
    allocation = {Labels.PANOPTIC: 0.25, Labels.BOX | Labels.STUFF: 0.25, Labels.IMAGE: 0.25, Labels(0): 0.25}
    made = assign([entry.image_id for entry in index.entries], allocation, 0)
    prices = named_prices("paper-text").with_terms(hourly_wage=18.0, review=0.5)
    totals = write_worklist(made, index, prices, tmp_path / "work")

    assert {path.name for path in (tmp_path / "work").iterdir()} == {"P.csv", "B+S.csv", "I.csv", "classes.csv"}
    listed = {kind: rows(tmp_path / "work" / f"{kind}.csv") for kind in ("P", "B+S", "I")}
    files = {str(entry.image_id): entry.file_name for entry in index.entries}
    assert all(files[row["image_id"]] == row["file"] for each in listed.values() for row in each)
    assert {int(row["image_id"]) for row in listed["B+S"]} == set(made.images[Labels.BOX | Labels.STUFF])
    both = prices.seconds("B").mid + prices.seconds("S").mid
    assert [float(row["seconds"]) for row in listed["B+S"]] == pytest.approx([both, both], rel=1e-3)
    assert listed["I"][0]["draw"] == "name every class in the image"

    by_kind = {total.labels.short: total for total in totals}
    assert by_kind["P"].hours == pytest.approx(2 * 1.5 * 1104 / 3600, rel=1e-2)
    assert by_kind["P"].relative == pytest.approx(2)
    assert by_kind["B+S"].hours == pytest.approx(2 * both / 3600)
    assert by_kind["B+S"].money == pytest.approx(2 * both / 3600 * 18)
    assert [row["kind"] for row in rows(tmp_path / "work" / "classes.csv")].count("thing") == index.taxonomy.num_things


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (Labels.PANOPTIC, "outline every thing and name it and colour every region of stuff"),
        (Labels.BOX | Labels.STUFF, "draw a tight box around every thing and name it and colour every region of stuff"),
        (Labels.MASK | Labels.BOX, "outline every thing and name it"),
        (
            Labels.IMAGE | Labels.BOX,
            "name every class in the image and draw a tight box around every thing and name it",
        ),
    ],
)
def test_nothing_is_drawn_twice(labels, wanted):
    assert what_to_draw(labels) == wanted


def test_an_image_of_another_data_set(index, tmp_path):
    made = assign([10**9], {Labels.IMAGE: 1.0}, 0)
    with pytest.raises(InputError, match=r"images\.I: wanted images of the data set, got 1000000000"):
        write_worklist(made, index, named_prices("paper-text"), tmp_path / "work")
    assert not (tmp_path / "work").exists()
