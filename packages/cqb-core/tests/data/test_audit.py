import json
import shutil
import struct
import zlib
from io import StringIO

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from cqb_core.data.audit import audit
from cqb_core.data.images import read_id_map, write_id_map, write_image
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.errors import InputError
from cqb_core.scenes import SceneStyle, write_scenes


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    write_scenes(root, train=3, val=0, style=SceneStyle(size=(48, 64), crowd=1.0), seed=2)
    return root


@pytest.fixture
def root(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "scenes")


def edit(root, change):
    path = find_split(root, "train").annotation_file
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


def only(root):
    """The one fault of a split where a single image is bad."""
    report = audit(find_split(root, "train"))
    assert len(report.faults) == 1, report.faults
    assert [e.image_id for e in report.sound.entries] == [i for i in (1, 2, 3) if i not in report.bad_images]
    assert report.num_images == 3
    return report.faults[0]


def paths(root):
    split = find_split(root, "train")
    entry = read_split(split).entries[1]
    return split.image_path(entry), split.map_path(entry), entry


def test_a_sound_split_has_no_fault(drawn):
    split = find_split(drawn, "train")
    report = audit(split)
    assert report.faults == report.notices == ()
    assert report.sound == read_split(split)
    assert report.summary == "3 images: 3 sound, 0 faults in 0 images, 0 notices"


def test_missing_image(root):
    image, _, _ = paths(root)
    image.unlink()
    fault = only(root)
    assert (fault.file, fault.image_id) == (str(image), 2)
    assert (fault.field, fault.wanted, fault.got) == ("file", "an image", "no such file")


def test_truncated_image(root):
    image, _, _ = paths(root)
    image.write_bytes(image.read_bytes()[:700])
    fault = only(root)
    assert fault.file == str(image)
    assert fault.wanted == "an image that can be decoded"
    assert "truncated" in fault.got


def test_missing_and_truncated_map(root):
    _, map_file, _ = paths(root)
    content = map_file.read_bytes()
    map_file.write_bytes(content[: len(content) // 2])
    assert only(root).file == str(map_file)
    map_file.unlink()
    assert (only(root).file, only(root).got) == (str(map_file), "no such file")


def test_sizes_that_disagree(root):
    image, map_file, entry = paths(root)
    size = f"{entry.width}x{entry.height} (width x height)"
    original = image.read_bytes()
    write_image(image, np.zeros((entry.height, entry.width + 1, 3), np.uint8))
    fault = only(root)
    assert (fault.file, fault.wanted, fault.got) == (str(image), size, f"{entry.width + 1}x{entry.height}")
    image.write_bytes(original)
    write_id_map(map_file, np.zeros((entry.height + 2, entry.width), np.int32))
    fault = only(root)
    assert (fault.file, fault.wanted, fault.got) == (str(map_file), size, f"{entry.width}x{entry.height + 2}")


def test_a_map_that_is_no_rgb_png(root):
    _, map_file, entry = paths(root)
    Image.new("P", (entry.width, entry.height)).save(map_file)
    assert only(root).got.startswith("PNG of mode P")


def test_an_id_that_the_json_lacks(root):
    _, map_file, _ = paths(root)
    ids = read_id_map(map_file)
    ids[0, ids[0] == 0] = 77
    ids[0, 0] = 77
    count = int((ids == 77).sum())
    write_id_map(map_file, ids)
    report = audit(find_split(root, "train"))
    fault = report.faults[0]
    assert (fault.file, fault.field) == (str(map_file), "segment ids")
    assert (fault.wanted, fault.got) == ("ids that panoptic_train.json lists", f"77 on {count} pixels")
    assert report.bad_images == {2}


def test_an_id_that_the_map_lacks(root):
    _, map_file, _ = paths(root)

    def add(raw):
        segments = raw["annotations"][1]["segments_info"]
        segments.append({**segments[0], "id": 5})

    edit(root, add)
    fault = only(root)
    assert fault.file == str(find_split(root, "train").annotation_file)
    assert fault.field == "image 2 segment 5"
    assert (fault.wanted, fault.got) == ("a segment that its map shows", f"no pixel in {map_file.name}")


def test_an_area_that_is_not_that_of_the_pixels(root):
    segment = paths(root)[2].segments[0]
    edit(root, lambda raw: raw["annotations"][1]["segments_info"][0].update(area=segment.area + 1))
    fault = only(root)
    assert fault.field == f"image 2 segment {segment.id} area"
    assert (fault.wanted, fault.got) == (f"its number of pixels {segment.area}", str(segment.area + 1))


@pytest.mark.parametrize("edge", [0, 1])
def test_a_box_that_is_not_that_of_the_pixels(root, edge):
    segments = json.loads(find_split(root, "train").annotation_file.read_text())["annotations"][1]["segments_info"]
    place, box = next((i, s["bbox"]) for i, s in enumerate(segments) if min(s["bbox"][2:]) > 4)
    for shift in (1, 2):
        moved = [*box]
        moved[edge] += shift
        moved[edge + 2] -= shift
        edit(root, lambda raw, moved=moved: raw["annotations"][1]["segments_info"][place].update(bbox=moved))
        if shift == 1:
            assert audit(find_split(root, "train")).faults == ()
    fault = only(root)
    assert fault.field == f"image 2 segment {segments[place]['id']} bbox"
    assert (fault.wanted, fault.got) == (f"the box of its pixels {box}", str(moved))


def test_faults_of_the_json_are_listed_and_the_rest_is_read(root):
    def spoil(raw):
        raw["annotations"][0]["segments_info"][0]["category_id"] = 55
        raw["annotations"][0]["segments_info"][1]["bbox"][2] = 0
        raw["annotations"].append({"image_id": 99, "file_name": "x.png", "segments_info": []})

    edit(root, spoil)
    paths_of_third = find_split(root, "train").images_dir / "000000000003.jpg"
    paths_of_third.unlink()
    report = audit(find_split(root, "train"))
    assert [(fault.image_id, fault.field) for fault in report.faults] == [
        (1, "annotations[0].segments_info[0].category_id"),
        (1, "annotations[0].segments_info[1].bbox"),
        (None, "annotations[3].image_id"),
        (3, "file"),
    ]
    assert report.bad_images == {1, 3}
    assert [entry.image_id for entry in report.sound.entries] == [2]
    assert report.summary == "3 images: 1 sound, 4 faults in 2 images, 0 notices"


def test_both_files_of_an_image_are_looked_at(root):
    image, map_file, _ = paths(root)
    image.unlink()
    map_file.unlink()
    assert [fault.file for fault in audit(find_split(root, "train")).faults] == [str(image), str(map_file)]


def test_nothing_labelled_is_a_notice_and_no_fault(root):
    _, map_file, entry = paths(root)
    edit(root, lambda raw: raw["annotations"][1].update(segments_info=[]))
    write_id_map(map_file, np.zeros((entry.height, entry.width), np.int32))
    report = audit(find_split(root, "train"))
    assert report.faults == ()
    assert len(report.sound.entries) == 3
    assert [(n.image_id, n.field, n.got) for n in report.notices] == [(2, "image 2 segments_info", "none")]


def test_what_cannot_be_read_image_by_image_is_raised(root):
    find_split(root, "train").annotation_file.write_text('{"images": [')
    with pytest.raises(InputError, match=r"panoptic_train\.json: line 1 column 13: wanted JSON"):
        audit(find_split(root, "train"))


def test_a_pool_reports_the_same_in_the_same_order(root):
    split = find_split(root, "train")
    for name in ("000000000003.jpg", "000000000001.jpg"):
        (split.images_dir / name).unlink()
    seen = []
    report = audit(split, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert report == audit(split)
    assert [fault.image_id for fault in report.faults] == [1, 3]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_the_table_shows_every_fault_or_says_how_many_are_left_out(root):
    split = find_split(root, "train")
    edit(root, lambda raw: raw["annotations"][1]["segments_info"][0].update(area=0))
    (split.images_dir / "000000000001.jpg").unlink()
    report = audit(split)

    def text(limit):
        out = StringIO()
        Console(file=out, width=400).print(report.table(limit))
        return out.getvalue()

    assert "annotations[1].segments_info[0].area" in text(None)
    assert "no such file" in text(None)
    assert "not shown" not in text(None)
    assert "no such file" not in text(1)
    assert "1 not shown" in text(1)
    assert "3 images: 1 sound, 2 faults in 2 images, 0 notices" in text(1)


def test_hostile_files_are_listed_one_by_one(root, tmp_path):
    """Nothing outside of the data set is opened: what the links lead to would be another fault, or none."""
    split = find_split(root, "train")
    outside = tmp_path / "outside.png"
    outside.write_bytes(paths(root)[1].read_bytes())
    index = read_split(split)
    image, map_file = split.image_path(index.entries[0]), split.map_path(index.entries[2])
    for file in (image, map_file):
        file.unlink()
        file.symlink_to(outside)
    bomb = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    header = b"IHDR" + bomb
    chunk = struct.pack(">I", len(bomb)) + header + struct.pack(">I", zlib.crc32(header))
    paths(root)[0].write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT")
    report = audit(split)
    said = {(fault.image_id, fault.file): (fault.field, fault.wanted, fault.got) for fault in report.faults}
    place = outside.resolve()
    assert said.pop((1, str(image))) == ("file", f"a file inside {split.images_dir}", f"a link to {place}")
    assert said.pop((3, str(map_file))) == ("file", f"a file inside {split.maps_dir}", f"a link to {place}")
    assert said.pop((2, str(paths(root)[0])))[0] == "size"
    assert not said


@pytest.mark.parametrize(
    "name", ["../x.png", "/x.png", "a/../../x.png", "C:\\x.png", "a\x00.png", "a\x1b.png", "\ud800"]
)
def test_a_name_that_leaves_its_folder_is_a_fault(root, name):
    def rename(raw):
        raw["images"][0]["file_name"] = raw["annotations"][1]["file_name"] = name

    edit(root, rename)
    found = {(fault.field, fault.got) for fault in audit(find_split(root, "train")).faults}
    assert found == {("images[0].file_name", repr(name)), ("annotations[1].file_name", repr(name))}


@pytest.mark.parametrize("box", [(-1, 3, 1, 5), ("right", 3, 1, 5), (3, 7, 5, 1e-9), (3, "bottom", 5, 1)])
def test_a_box_that_clipping_would_leave_without_an_area_is_a_fault(root, box):
    """A loss that divides by its area would meet it after hours."""
    entry = paths(root)[2]
    edges = {"right": entry.width - 0.005, "bottom": entry.height - 0.005}
    placed = [edges.get(number, number) for number in box]

    def move(raw):
        raw["annotations"][1]["segments_info"][0]["bbox"] = placed

    edit(root, move)
    (fault,) = audit(find_split(root, "train")).faults
    assert fault.field == "annotations[1].segments_info[0].bbox"
    assert fault.wanted.endswith(f"with an area above 0 inside an image of {entry.width}x{entry.height}")
    assert fault.got == repr(placed)
