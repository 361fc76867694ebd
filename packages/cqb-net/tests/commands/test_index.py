"""From bare photographs to lists for annotators, by commands alone."""

import csv

import numpy as np
import pytest

from cqb_core.data.images import write_image


@pytest.fixture
def photos(tmp_path):
    for number in range(4):
        write_image(tmp_path / "train" / f"{number}.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "classes.csv").write_text("name,kind\ncar,thing\nroad,stuff\n")
    return tmp_path


def test_index_assign_and_list(run, photos):
    status, said, _ = run("data", "index", photos, "--classes", photos / "classes.csv")
    written = photos / "annotations" / "panoptic_train.json"
    assert (status, said) == (0, f"{written}: 4 images, 1 thing and 1 stuff classes\n")
    labels, lists = photos / "labels.json", photos / "lists"
    assert run("data", "assign", photos, "--ratio", "P=0.25,B=0.75", "-o", labels)[0] == 0
    assert run("data", "worklist", photos, labels, "-o", lists)[0] == 0
    with (lists / "B.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert {row["draw"] for row in rows} == {"draw a tight box around every thing and name it"}


def test_a_faulty_class_is_named(refused, photos):
    (photos / "classes.csv").write_text("name,kind\ncar,thingy\n")
    said = refused("data", "index", photos, "--classes", photos / "classes.csv")
    assert said.endswith("classes.csv: row 2, column kind: wanted thing or stuff, got 'thingy'")
