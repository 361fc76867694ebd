import json
import shutil

import numpy as np
import pytest
import torch

from cqb_core import InputError, Labels, assign
from cqb_core.data.panoptic_files import find_split

OWNED = {
    "P": {"instances", "stuff_segments", "seg_map_path", "thing_tags", "stuff_tags"},
    "I": {"thing_tags", "stuff_tags"},
    "B": {"instances", "thing_tags"},
    "M": {"instances", "seg_map_path", "thing_tags"},
    "S": {"stuff_segments", "seg_map_path", "stuff_tags"},
    "B+S": {"instances", "stuff_segments", "seg_map_path", "thing_tags", "stuff_tags"},
}
ALWAYS = {"img_path", "img_id", "height", "width", "label_set", "sample_idx"}


@pytest.fixture
def copied(scenes, tmp_path):
    shutil.copytree(scenes, tmp_path / "copy")
    return tmp_path / "copy"


def edit(root, change):
    path = root / "annotations" / "panoptic_train.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("name", OWNED)
def test_an_entry_holds_what_its_image_owns_and_nothing_else(name, dataset, assigned):
    data = dataset(assigned(name))
    info = data.get_data_info(0)
    assert set(info) - ALWAYS == OWNED[name]
    assert info["label_set"] == Labels.parse(name).value
    assert ("segment_id" in str(info.get("instances"))) == (Labels.MASK in Labels.parse(name))


def test_stuff_alone_names_no_thing_segment(dataset, assigned, scene_index):
    things = {s.id for s in scene_index.entries[0].segments if scene_index.taxonomy.index[s.category_id] < 10}
    assert things
    assert not things & set(dataset(assigned("S")).get_data_info(0)["stuff_segments"])


def test_boxes_and_tags_need_no_map_on_disk(dataset, assigned, copied):
    labels = assigned("B", "I")
    shutil.rmtree(copied / "annotations" / "panoptic_train")
    for sample in (dataset(labels, data_root=str(copied))[place] for place in range(2)):
        assert "gt_sem_seg" not in sample["data_samples"]


def test_what_is_not_owned_can_change_without_a_trace(dataset, assigned, copied):
    labels = assigned("I")
    before = dataset(labels, data_root=str(copied)).get_data_info(0)

    def spoil(content):
        for annotation in content["annotations"]:
            for segment in annotation["segments_info"]:
                segment["bbox"], segment["id"] = [1, 2, 3, 4], segment["id"] + 1

    edit(copied, spoil)
    after = dataset(labels, data_root=str(copied)).get_data_info(0)
    assert before.keys() == after.keys()
    for key, value in before.items():
        np.testing.assert_equal(after[key], value)


def test_images_that_own_nothing_are_no_entries_but_count(dataset, assigned):
    data = dataset(assigned("P", "none", "B"))
    assert len(data) == 2
    assert data.num_images == 8
    assert data.label_sets.tolist() == [Labels.PANOPTIC.value, Labels.BOX.value]


def test_without_an_assignment_every_image_is_panoptic(dataset):
    data = dataset()
    assert len(data) == 8
    assert set(data.label_sets.tolist()) == {Labels.PANOPTIC.value}
    assert data.metainfo["classes"] == tuple(category.name for category in data.taxonomy.categories)


def test_a_test_entry_has_no_labels_at_all(dataset):
    info = dataset(test_mode=True).get_data_info(0)
    assert set(info) <= ALWAYS
    assert info["label_set"] == 0


def test_crowds_are_ignored_and_still_tagged(dataset, scene_index):
    data = dataset()
    crowds = [(place, s) for place, entry in enumerate(scene_index.entries) for s in entry.segments if s.iscrowd]
    assert crowds
    for place, segment in crowds:
        info = data.get_data_info(place)
        flags = {box["segment_id"]: box["ignore_flag"] for box in info["instances"]}
        assert flags[segment.id] == 1
        assert sum(flags.values()) == sum(s.iscrowd for s in scene_index.entries[place].segments)
        assert info["thing_tags"][scene_index.taxonomy.index[segment.category_id]]


def test_skipped_images_are_left_out_and_may_be_broken(dataset, copied):
    edit(copied, lambda content: content["annotations"][2]["segments_info"][0].update(bbox=[0, 0, 0, 0]))
    with pytest.raises(InputError, match=r"annotations\[2\]\.segments_info\[0\]\.bbox"):
        dataset(data_root=str(copied))
    assert len(dataset(data_root=str(copied), skip=[3])) == 7


def test_an_assignment_for_other_images_is_refused(dataset, tmp_path):
    assign(range(8), {Labels.PANOPTIC: 1.0}, 0, "0" * 64).write(tmp_path / "other.json")
    with pytest.raises(InputError, match=r"other\.json: fingerprint: wanted the data set's"):
        dataset(str(tmp_path / "other.json"))


def test_an_assignment_that_forgets_an_image_is_refused(dataset, assigned):
    path = assigned("P")
    content = json.loads(path.read_text())
    content["images"]["none"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"images: wanted every image of the data set, got none for \[8\]"):
        dataset(path)


def test_coco_as_published_loads(real_data):
    from mmdet.registry import DATASETS

    from cqb_core.data.panoptic_files import read_split
    from cqb_core.training import load_config
    from cqb_core.training.config import fit_to_data

    root = real_data("coco200")
    config = load_config("panoptic-cascade_r50_fpn_24e_coco")
    splits = find_split(root, "train"), find_split(root, "val")
    fit_to_data(config, splits, read_split(splits[0]).taxonomy)
    data = DATASETS.build(config.train_dataloader.dataset)
    assert (len(data), data.taxonomy.num_things, data.taxonomy.num_stuff) == (100, 80, 53)
    sample = data[0]["data_samples"]
    semantic = sample.gt_sem_seg.sem_seg
    assert semantic.dtype == torch.uint8
    assert ((semantic < 133) | (semantic == 255)).all()
    assert len(sample.gt_instances.masks) == len(sample.gt_instances.bboxes)
