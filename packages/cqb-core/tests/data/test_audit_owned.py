"""The audit of images that own only some labels."""

import json
import shutil

import numpy as np
import pytest

from cqb_core.data.audit import audit
from cqb_core.data.images import read_id_map, write_id_map
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.errors import InputError
from cqb_core.testing import drawn, train_set, write_labels

SETS = ("none", "I", "B", "M", "S", "B+S", "P")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("drawn"), train=len(SETS), val=0)


@pytest.fixture
def root(source, tmp_path):
    return shutil.copytree(source, tmp_path / "scenes")


@pytest.fixture
def found(root, tmp_path):
    """A function that gives the field of each fault by the label set of its image, one image a set of `SETS`."""

    def look():
        split = find_split(root, "train")
        report = audit(split, assignment=write_labels(root, SETS, tmp_path / "labels.json"))
        sound = [entry.image_id for entry in report.sound.entries]
        assert sound == [i for i in range(1, len(SETS) + 1) if i not in report.bad_images]
        fields = {}
        for fault in report.faults:
            fields.setdefault(SETS[fault.image_id - 1], set()).add(fault.field.split()[-1])
        return fields

    return look


def edit(root, change):
    """Change the segments of every annotation."""
    path = find_split(root, "train").annotation_file
    raw = json.loads(path.read_text())
    stuff = {category["id"] for category in raw["categories"] if not category["isthing"]}
    for annotation in raw["annotations"]:
        change(annotation, stuff)
    path.write_text(json.dumps(raw))


def test_sound_images_have_no_fault(found):
    assert found() == {}


def test_maps_are_read_of_those_that_own_pixels(root, found):
    for file in find_split(root, "train").maps_dir.iterdir():
        file.unlink()
    assert found() == {name: {"file"} for name in ("M", "S", "B+S", "P")}


def test_images_are_read_of_those_that_own_something(root, found):
    for image in find_split(root, "train").images_dir.iterdir():
        image.write_bytes(b"")
    assert found() == {name: {"file"} for name in SETS[1:]}


@pytest.mark.parametrize(
    ("stuff", "named"), [(True, {"S", "B+S", "P"}), (False, {"M", "P"})], ids=["areas of stuff", "areas of things"]
)
def test_segments_are_compared_with_the_pixels_that_are_owned(root, found, stuff, named):
    def grow(annotation, of_stuff):
        for segment in annotation["segments_info"]:
            if (segment["category_id"] in of_stuff) == stuff:
                segment["area"] += 1

    edit(root, grow)
    assert found() == {name: {"area"} for name in named}


def test_pixels_that_the_json_does_not_know_are_a_fault_where_all_are_owned(root, found):
    split = find_split(root, "train")
    for entry in read_split(split).entries:
        ids = read_id_map(split.map_path(entry))
        write_id_map(split.map_path(entry), np.where(ids == ids[0, 0], 77_777, ids))
    fields = found()
    assert "ids" in fields.pop("P")
    assert "ids" not in set().union(*fields.values())


def test_an_image_without_segments_is_a_notice_where_it_should_have_some(root, tmp_path):
    edit(root, lambda annotation, stuff: annotation.update(segments_info=[]))
    report = audit(find_split(root, "train"), assignment=write_labels(root, ["none", "I"], tmp_path / "labels.json"))
    assert [notice.image_id for notice in report.notices] == [2]


def test_an_assignment_of_other_images_is_refused(root, tmp_path):
    labels = write_labels(root, SETS, tmp_path / "labels.json")
    path = find_split(root, "train").annotation_file
    raw = json.loads(path.read_text())
    raw["categories"][0]["name"] = "ghost"
    path.write_text(json.dumps(raw))
    with pytest.raises(InputError, match="fingerprint"):
        audit(find_split(root, "train"), assignment=labels)


def test_faults_of_the_json_are_listed_with_an_assignment(root, tmp_path):
    labels = write_labels(root, SETS, tmp_path / "labels.json")
    edit(root, lambda annotation, stuff: annotation["segments_info"][0].update(category_id=999))
    report = audit(find_split(root, "train"), assignment=labels)
    assert {fault.image_id for fault in report.faults} == set(range(1, len(SETS) + 1))


def test_what_the_audit_passes_can_be_loaded(root, found, tmp_path):
    """Each image has only what its labels are made of: the rest is broken on disk."""
    split = find_split(root, "train")
    for number, (name, entry) in enumerate(zip(SETS, read_split(split).entries, strict=True), 1):
        assert entry.image_id == number
        if name == "none":
            split.image_path(entry).unlink()
        if name in ("none", "I", "B"):
            split.map_path(entry).unlink()
    assert found() == {}
    data = train_set(root, tmp_path / "labels.json")
    assert [data[place]["data_samples"].label_set for place in range(len(data))] == data.label_sets.tolist()
