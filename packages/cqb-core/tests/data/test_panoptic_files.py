import json
import os
from pathlib import Path

import pytest

from cqb_core.data.panoptic_files import (
    PanopticEntry,
    PanopticSplit,
    SegmentInfo,
    find_split,
    fingerprint,
    parse_split,
    read_split,
)
from cqb_core.errors import InputError
from cqb_core.taxonomy import Category, Taxonomy

DATA = Path(os.environ.get("CQB_DATA", Path(__file__).parents[4] / ".." / "shared" / "data"))

TAXONOMY = Taxonomy((Category(7, "boat", True, (1, 2, 3)),), (Category(90, "sea", False, (4, 5, 6)),))


def content():
    segment = {"id": 300, "category_id": 7, "bbox": [2, 3, 10, 5], "area": 31, "iscrowd": 0}
    sea = {"id": 1, "category_id": 90, "bbox": [0, 0, 64, 48], "area": 2000.0, "iscrowd": 1}
    return {
        "images": [
            {"id": 12, "file_name": "b.jpg", "width": 64, "height": 48},
            {"id": 5, "file_name": "deep/a.jpg", "width": 32, "height": 16},
        ],
        "annotations": [
            {"image_id": 5, "file_name": "a.png", "segments_info": []},
            {"image_id": 12, "file_name": "b.png", "segments_info": [segment, sea]},
        ],
        "categories": TAXONOMY.to_json(),
    }


def split_of(tmp_path, raw):
    path = tmp_path / "panoptic.json"
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw))
    return PanopticSplit("tiny", tmp_path, tmp_path / "maps", path)


def folders(root, *names):
    for name in names:
        (root / "annotations" / f"panoptic_{name}").mkdir(parents=True)
        (root / "annotations" / f"panoptic_{name}.json").write_text("{}")
        (root / name).mkdir()


def test_reads_every_field_in_the_order_of_the_images(tmp_path):
    split = split_of(tmp_path, content())
    index = read_split(split)
    assert index.taxonomy == TAXONOMY
    assert index.entries == (
        PanopticEntry(
            12,
            "b.jpg",
            64,
            48,
            "b.png",
            (SegmentInfo(300, 7, (2, 3, 12, 8), 31, False), SegmentInfo(1, 90, (0, 0, 64, 48), 2000.0, True)),
        ),
        PanopticEntry(5, "deep/a.jpg", 32, 16, "a.png", ()),
    )
    assert split.image_path(index.entries[1]) == tmp_path / "deep" / "a.jpg"
    assert split.map_path(index.entries[1]) == tmp_path / "maps" / "a.png"


def put(*path_and_value):
    *path, value = path_and_value

    def corrupt(raw):
        target = raw
        for key in path[:-1]:
            target = target[key]
        if value is KeyError:
            del target[path[-1]]
        else:
            target[path[-1]] = value

    return corrupt


def repeat(key, index):
    return lambda raw: raw[key].append(raw[key][index])


SEGMENT = ("annotations", 1, "segments_info", 0)
FAULTS = [
    (put("images", KeyError), "images", "a list", "nothing"),
    (put("annotations", {}), "annotations", "a list", "{}"),
    (put("categories", KeyError), "categories", "a list of at least one category", "None"),
    (put("images", 1, "id", KeyError), "images[1].id", "an integer", "nothing"),
    (put("images", 1, "id", "5"), "images[1].id", "an integer", "'5'"),
    (put("images", 1, "id", True), "images[1].id", "an integer", "True"),
    (repeat("images", 0), "images[2].id", "an id that no other image has", "12"),
    (put("images", 0, None), "images[0]", "an object", "None"),
    (put("images", 0, "width", 0), "images[0].width", "an integer above 0", "0"),
    (put("images", 0, "height", 48.5), "images[0].height", "an integer above 0", "48.5"),
    (put("images", 0, "file_name", "/etc/passwd"), "images[0].file_name", "a relative path", "'/etc/passwd'"),
    (put("images", 0, "file_name", "x/../../b.jpg"), "images[0].file_name", "a relative path", "'x/../../b.jpg'"),
    (put("images", 0, "file_name", ".."), "images[0].file_name", "a relative path", "'..'"),
    (put("images", 0, "file_name", "..\\b.jpg"), "images[0].file_name", "a relative path", "b.jpg"),
    (put("images", 0, "file_name", "C:\\b.jpg"), "images[0].file_name", "a relative path", "C:"),
    (put("images", 0, "file_name", ""), "images[0].file_name", "a relative path", "''"),
    (put("annotations", 1, "file_name", "../b.png"), "annotations[1].file_name", "folder of maps", "'../b.png'"),
    (put("annotations", 1, "file_name", 3), "annotations[1].file_name", "folder of maps", "3"),
    (put("annotations", 1, []), "annotations[1]", "an object", "[]"),
    (put("annotations", 1, "image_id", 99), "annotations[1].image_id", "the id of an image", "99"),
    (put("annotations", 1, "image_id", KeyError), "annotations[1].image_id", "the id of an image", "nothing"),
    (repeat("annotations", 0), "annotations[2].image_id", "no other annotation", "5"),
    (lambda raw: raw["annotations"].pop(0), "annotations", "one annotation for every image", "image 5 (deep/a.jpg)"),
    (put("annotations", 0, "segments_info", KeyError), "annotations[0].segments_info", "a list", "nothing"),
    (put(*SEGMENT, 4), "annotations[1].segments_info[0]", "an object", "4"),
    (put(*SEGMENT, "id", 0), "annotations[1].segments_info[0].id", "an integer in 1..16777215", "0"),
    (put(*SEGMENT, "id", 2**24), "segments_info[0].id", "an integer in 1..16777215", "16777216"),
    (put(*SEGMENT, "id", 300.0), "segments_info[0].id", "an integer in", "300.0"),
    (put("annotations", 1, "segments_info", 1, "id", 300), "segments_info[1].id", "no other segment", "300"),
    (put(*SEGMENT, "category_id", 8), "segments_info[0].category_id", "the id of a category", "8"),
    (put(*SEGMENT, "category_id", [7]), "segments_info[0].category_id", "the id of a category", "[7]"),
    (put(*SEGMENT, "iscrowd", 2), "segments_info[0].iscrowd", "0 or 1", "2"),
    (put(*SEGMENT, "iscrowd", KeyError), "segments_info[0].iscrowd", "0 or 1", "nothing"),
    (put(*SEGMENT, "area", 0), "segments_info[0].area", "a number of pixels above 0", "0"),
    (put(*SEGMENT, "area", -3), "segments_info[0].area", "above 0", "-3"),
    (put(*SEGMENT, "area", float("nan")), "segments_info[0].area", "above 0", "nan"),
    (put(*SEGMENT, "area", 64 * 48 + 1), "segments_info[0].area", "64x48", "3073"),
    (put(*SEGMENT, "area", "31"), "segments_info[0].area", "above 0", "'31'"),
    (put(*SEGMENT, "bbox", [2, 3, 0, 5]), "segments_info[0].bbox", "an area above 0", "[2, 3, 0, 5]"),
    (put(*SEGMENT, "bbox", [2, 3, 4, -5]), "segments_info[0].bbox", "an area above 0", "[2, 3, 4, -5]"),
    (put(*SEGMENT, "bbox", [2, 3, 4]), "segments_info[0].bbox", "[x, y, width, height]", "[2, 3, 4]"),
    (put(*SEGMENT, "bbox", [2, 3, 4, None]), "segments_info[0].bbox", "[x, y, width, height]", "[2, 3, 4, None]"),
    (put(*SEGMENT, "bbox", [2, 3, True, 1]), "segments_info[0].bbox", "[x, y, width, height]", "True"),
    (put(*SEGMENT, "bbox", [2, 3, float("inf"), 1]), "segments_info[0].bbox", "inside an image", "inf"),
    (put(*SEGMENT, "bbox", [float("nan"), 3, 4, 1]), "segments_info[0].bbox", "inside an image", "nan"),
    (put(*SEGMENT, "bbox", [0.5, 3, 10**400, 1]), "segments_info[0].bbox", "inside an image", "1000"),
    (put(*SEGMENT, "bbox", [60, 3, 6, 1]), "segments_info[0].bbox", "64x48", "[60, 3, 6, 1]"),
    (put(*SEGMENT, "bbox", [64, 3, 1, 1]), "segments_info[0].bbox", "64x48", "[64, 3, 1, 1]"),
    (put(*SEGMENT, "bbox", [-2, 3, 9, 1]), "segments_info[0].bbox", "64x48", "[-2, 3, 9, 1]"),
]


@pytest.mark.parametrize(("corrupt", "field", "wanted", "got"), FAULTS)
def test_each_fault_names_file_field_wanted_and_got(tmp_path, corrupt, field, wanted, got):
    raw = content()
    corrupt(raw)
    split = split_of(tmp_path, raw)
    with pytest.raises(InputError) as caught:
        read_split(split)
    assert caught.value.where == str(split.annotation_file)
    assert caught.value.field.endswith(field)
    assert wanted in caught.value.wanted
    assert got in caught.value.got


def test_a_box_may_leave_the_image_by_a_pixel(tmp_path):
    raw = content()
    put(*SEGMENT, "bbox", [-1, 3, 66, 46])(raw)
    assert read_split(split_of(tmp_path, raw)).entries[0].segments[0].bbox == (-1, 3, 65, 49)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [,]}', "line 1 column 13: wanted JSON"),
        ("[]", "content: wanted an object with images, annotations and categories, got []"),
    ],
)
def test_a_file_that_is_no_panoptic_json(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        read_split(split_of(tmp_path, text))
    assert message in str(caught.value)


def test_parse_split_goes_on_after_faults(tmp_path):
    raw = content()
    raw["annotations"][1]["segments_info"][0]["bbox"] = [0, 0, 0, 0]
    raw["annotations"][1]["segments_info"][1]["id"] = -1
    raw["images"].append({"id": 8, "file_name": "c.jpg", "width": -1, "height": 4})
    raw["annotations"].append({"image_id": 8, "file_name": "c.png", "segments_info": []})
    raw["annotations"].append({"image_id": 77, "file_name": "d.png", "segments_info": []})
    reported = []
    index = parse_split(split_of(tmp_path, raw), lambda image_id, fault: reported.append((image_id, fault.field)))
    assert reported == [
        (8, "images[2].width"),
        (12, "annotations[1].segments_info[0].bbox"),
        (12, "annotations[1].segments_info[1].id"),
        (None, "annotations[3].image_id"),
    ]
    assert [entry.image_id for entry in index.entries] == [5]


def test_find_split_takes_the_one_that_matches(tmp_path):
    folders(tmp_path, "train2017", "val")
    assert find_split(tmp_path, "train") == PanopticSplit(
        "train2017",
        tmp_path / "train2017",
        tmp_path / "annotations" / "panoptic_train2017",
        tmp_path / "annotations" / "panoptic_train2017.json",
    )
    assert find_split(tmp_path, "val").name == "val"
    assert find_split(tmp_path, "train2017").name == "train2017"


def test_find_split_refuses_to_choose_and_takes_a_full_name(tmp_path):
    folders(tmp_path, "train2017", "train_small")
    with pytest.raises(InputError, match=r"exactly one.*panoptic_train2017\.json, panoptic_train_small\.json"):
        find_split(tmp_path, "train")
    assert find_split(tmp_path, "train_small").name == "train_small"


def test_find_split_names_what_is_missing_and_what_is_there(tmp_path):
    with pytest.raises(InputError, match=r"annotations: folder: wanted .*holds nothing"):
        find_split(tmp_path, "train")
    folders(tmp_path, "val2017")
    with pytest.raises(InputError, match=r"panoptic_train\*\.json.*got panoptic_val2017, panoptic_val2017\.json"):
        find_split(tmp_path, "train")
    with pytest.raises(InputError, match=r"panoptic_test2017\.json"):
        find_split(tmp_path, "test2017")
    (tmp_path / "annotations" / "panoptic_val2017").rmdir()
    (tmp_path / "annotations" / "panoptic_val2017.zip").touch()
    with pytest.raises(InputError, match=r"the folder of PNG maps.*panoptic_val2017\.zip"):
        find_split(tmp_path, "val")
    (tmp_path / "annotations" / "panoptic_val2017").mkdir()
    (tmp_path / "val2017").rmdir()
    with pytest.raises(InputError, match=r"val2017: folder: wanted the images of panoptic_val2017\.json"):
        find_split(tmp_path, "val")
    with pytest.raises(InputError, match="holds nothing, since it is missing"):
        find_split(tmp_path / "nowhere" / "else", "val")


def test_a_fingerprint_ignores_order_and_annotations_and_nothing_else(tmp_path):
    def of(corrupt):
        raw = content()
        corrupt(raw)
        return fingerprint(read_split(split_of(tmp_path, raw)))

    original = of(lambda raw: None)
    assert original == of(lambda raw: raw["images"].reverse()) == of(lambda raw: raw["categories"].reverse())
    assert original == of(put(*SEGMENT, "area", 30))
    changes = [put("images", 0, "file_name", "c.jpg"), put("images", 0, "width", 65), put("images", 1, "height", 9)]
    changes += [put("categories", 0, "name", "ship"), put("categories", 1, "isthing", 1)]
    assert len({original, *map(of, changes)}) == 6
    assert len(original) == 64


@pytest.mark.parametrize(
    ("folder", "name", "count"), [("coco200", "val", 50), ("coco200", "train2017", 100), ("camvid", "val", 101)]
)
def test_reads_real_data(folder, name, count):
    if not (DATA / folder).is_dir():
        pytest.skip(f"no {folder} in {DATA}")
    assert len(read_split(find_split(DATA / folder, name)).entries) == count


def test_reads_the_official_sample():
    root = DATA / "panopticapi_sample"
    if not root.is_dir():
        pytest.skip(f"no panopticapi_sample in {DATA}")
    split = PanopticSplit("sample", root / "input_images", root / "panoptic_examples", root / "panoptic_examples.json")
    first = read_split(split).entries[0]
    assert first.segments[0] == SegmentInfo(3937500, 1, (282, 207, 330, 356), 3528, False)
