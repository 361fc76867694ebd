import numpy as np
import pytest
from mmdet.registry import TRANSFORMS
from PIL import Image

from cqb_core import InputError, Labels
from cqb_core.data.images import read_id_map, read_image, write_id_map
from cqb_core.data.transforms import semantic_map

IDS = np.array([[0, 0, 9, 9, 9], [7, 7, 7, 9, 9], [7, 5, 5, 8, 9], [7, 5, 5, 8, 9]], dtype=np.int32)
# 9 is stuff class 3; 5 and 7 are things of class 0 and 1; 8 is a crowd; 0 is void.
BOXES = [
    {"bbox": [1, 2, 3, 4], "bbox_label": 0, "ignore_flag": 0, "segment_id": 5},
    {"bbox": [0, 1, 3, 4], "bbox_label": 1, "ignore_flag": 0, "segment_id": 7},
    {"bbox": [3, 2, 4, 4], "bbox_label": 1, "ignore_flag": 1, "segment_id": 8},
]
BARE = [{key: value for key, value in box.items() if key != "segment_id"} for box in BOXES]


def entry(labels, tmp_path, **owned):
    write_id_map(tmp_path / "map.png", IDS)
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(tmp_path / "a.png")
    return {
        "img_path": str(tmp_path / "a.png"),
        "seg_map_path": str(tmp_path / "map.png"),
        "width": 5,
        "height": 4,
        "label_set": labels.value,
        **owned,
    }


def test_with_masks_things_and_stuff_are_known_and_crowds_and_void_are_not(tmp_path):
    results = entry(Labels.PANOPTIC, tmp_path, instances=BOXES, stuff_segments={9: 3})
    assert semantic_map(IDS, results).tolist() == [
        [255, 255, 3, 3, 3],
        [1, 1, 1, 3, 3],
        [1, 0, 0, 255, 3],
        [1, 0, 0, 255, 3],
    ]


def test_stuff_alone_says_nothing_of_things(tmp_path):
    results = entry(Labels.STUFF, tmp_path, stuff_segments={9: 3})
    expected = np.where(IDS == 9, 3, 255)
    np.testing.assert_array_equal(semantic_map(IDS, results), expected)


def test_boxes_tell_where_things_are_smallest_first_and_never_over_stuff(tmp_path):
    results = entry(Labels.BOX | Labels.STUFF, tmp_path, instances=BARE, stuff_segments={9: 3})
    assert semantic_map(IDS, results).tolist() == [
        [255, 255, 3, 3, 3],
        [1, 1, 1, 3, 3],
        [1, 0, 0, 255, 3],
        [1, 0, 0, 255, 3],
    ]


def test_boxes_cover_void_as_well_since_they_cannot_tell_it(tmp_path):
    wide = [{"bbox": [0, 0, 2, 4], "bbox_label": 2, "ignore_flag": 0}]
    results = entry(Labels.BOX | Labels.STUFF, tmp_path, instances=wide, stuff_segments={9: 3})
    assert (semantic_map(IDS, results)[:, :2] == 2).all()


def test_loading_gives_masks_of_the_segments_in_the_order_of_the_boxes(tmp_path):
    load = TRANSFORMS.build({"type": "LoadOwnedLabels"})
    results = load(entry(Labels.PANOPTIC, tmp_path, instances=BOXES, stuff_segments={9: 3}))
    np.testing.assert_array_equal(results["gt_masks"].masks, np.stack([IDS == 5, IDS == 7, IDS == 8]))
    assert results["gt_bboxes"].tensor.tolist() == [[1, 2, 3, 4], [0, 1, 3, 4], [3, 2, 4, 4]]
    assert results["gt_bboxes_labels"].tolist() == [0, 1, 1]
    assert results["gt_ignore_flags"].tolist() == [False, False, True]


def test_a_segment_without_pixels_is_named(tmp_path):
    load = TRANSFORMS.build({"type": "LoadOwnedLabels"})
    ghost = [{"bbox": [0, 0, 1, 1], "bbox_label": 0, "ignore_flag": 0, "segment_id": 77}]
    with pytest.raises(InputError, match=r"map\.png: pixels: wanted some of segment 77, got none"):
        load(entry(Labels.MASK, tmp_path, instances=ghost))


@pytest.mark.parametrize("name", ["P", "I", "B", "M", "S", "B+S"])
def test_a_sample_has_the_fields_that_it_owns_and_no_other(name, dataset, assigned):
    owned = Labels.parse(name)
    sample = dataset(assigned(name))[0]["data_samples"]
    assert Labels(sample.label_set) == owned
    assert ("gt_sem_seg" in sample) == (Labels.STUFF in owned)
    assert ("bboxes" in sample.gt_instances) == (Labels.BOX in owned.implied)
    assert ("masks" in sample.gt_instances) == (Labels.MASK in owned)
    assert ("thing_tags" in sample) == owned.thing_tags
    assert ("stuff_tags" in sample) == owned.stuff_tags


def test_reading_what_is_not_owned_fails(dataset, assigned):
    sample = dataset(assigned("I"))[0]["data_samples"]
    with pytest.raises(AttributeError):
        sample.gt_instances.bboxes  # noqa: B018
    with pytest.raises(AttributeError):
        sample.gt_sem_seg  # noqa: B018


def test_photos_are_bgr_for_mmdet(scenes, scene_index):
    file = scenes / "train" / scene_index.entries[0].file_name
    loaded = TRANSFORMS.build({"type": "LoadPhoto"})({"img_path": str(file), "width": 64, "height": 64})
    np.testing.assert_array_equal(loaded["img"][..., ::-1], read_image(file))
    assert loaded["img"].flags.c_contiguous
    assert loaded["ori_shape"] == (64, 64)


def test_masks_and_maps_of_real_coco_agree_with_the_file(real_data):
    from cqb_core.data.panoptic_files import find_split, read_split

    split = find_split(real_data("coco200"), "val")
    entry = max(read_split(split).entries, key=lambda entry: len(entry.segments))
    ids = read_id_map(split.map_path(entry))
    results = {
        "seg_map_path": str(split.map_path(entry)),
        "width": entry.width,
        "height": entry.height,
        "label_set": Labels.MASK.value,
        "instances": [{"bbox": s.bbox, "bbox_label": 0, "ignore_flag": 0, "segment_id": s.id} for s in entry.segments],
    }
    masks = TRANSFORMS.build({"type": "LoadOwnedLabels"})(results)["gt_masks"].masks
    assert [int(mask.sum()) for mask in masks] == [segment.area for segment in entry.segments]
    assert masks.sum(0).max() == 1
    assert (masks.any(0) == (ids != 0)).all()
