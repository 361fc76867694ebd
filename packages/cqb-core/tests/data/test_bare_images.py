import json

import numpy as np
import pytest

from cqb_core import InputError
from cqb_core.data.bare_images import index_images, read_classes
from cqb_core.data.images import write_image
from cqb_core.data.panoptic_files import find_split, fingerprint, read_split

CLASSES = "name,kind\ncar,thing\nroad,stuff\n tree ,stuff\n"


@pytest.fixture
def root(tmp_path):
    for name, size in (("b.png", (4, 6)), ("deep/a.png", (3, 5))):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "train" / name, np.zeros((*size, 3), np.uint8))
    (tmp_path / "train" / ".DS_Store").write_text("x")
    (tmp_path / "classes.csv").write_text(CLASSES)
    return tmp_path


def refused(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


def test_images_and_classes_are_known_and_nothing_else(root):
    seen = []
    index = index_images(root, "train", root / "classes.csv", lambda *counts: seen.append(counts))
    assert seen == [(1, 2), (2, 2)]
    found = [(e.image_id, e.file_name, e.width, e.height, e.map_file, e.segments) for e in index.entries]
    assert found == [(1, "b.png", 6, 4, "b.png", ()), (2, "deep/a.png", 5, 3, "deep/a.png", ())]
    assert [(c.id, c.name, c.isthing) for c in index.taxonomy.categories] == [
        (1, "car", True),
        (2, "road", False),
        (3, "tree", False),
    ]
    assert len({c.color for c in index.taxonomy.categories}) == 3


def test_an_assignment_made_before_holds_when_segments_are_filled_in(root):
    before = index_images(root, "train", root / "classes.csv")
    path = root / "annotations" / "panoptic_train.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["segments_info"] = [
        {"id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4, "iscrowd": 0}
    ]
    path.write_text(json.dumps(content))
    assert fingerprint(read_split(find_split(root, "train"))) == fingerprint(before)


def test_labels_are_never_overwritten(root):
    index_images(root, "train", root / "classes.csv")
    assert "panoptic_train.json: file: wanted none yet" in refused(index_images, root, "train", root / "classes.csv")


def test_files_that_are_no_images_are_named(root):
    (root / "train" / "notes.txt").write_text("hello")
    assert "notes.txt" in refused(index_images, root, "train", root / "classes.csv")
    assert not (root / "annotations").exists()


def test_a_split_without_images(root):
    assert "val: folder: wanted the images of the split, got none" in refused(
        index_images, root, "val", root / "classes.csv"
    )
    (root / "val").mkdir()
    assert "val: images: wanted at least one, got none" in refused(index_images, root, "val", root / "classes.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\ncar\n", "columns: wanted name and kind, got no kind"),
        ("", "columns: wanted name and kind, got no name and no kind"),
        ("name,kind\n", "categories: wanted a list of at least one category"),
        ("name,kind\ncar,things\n", "row 2, column kind: wanted thing or stuff, got 'things'"),
        ("name,kind\ncar,thing\ncar,stuff\n", "row 3, column name: wanted a name that occurs once, got 'car'"),
        ("name,kind\n,thing\n", "row 2, column name: wanted a name that occurs once, got ''"),
        ("name,kind\ncar\n", "row 2, column kind: wanted thing or stuff, got ''"),
    ],
)
def test_faulty_classes(tmp_path, text, message):
    (tmp_path / "c.csv").write_text(text)
    assert message in refused(read_classes, tmp_path / "c.csv")


def test_classes_that_are_no_text(tmp_path):
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00")
    assert "c.csv: file: wanted a CSV of classes" in refused(read_classes, tmp_path / "c.csv")
    assert "wanted a CSV of classes" in refused(read_classes, tmp_path / "none.csv")
