import json
import os

import pytest

from cqb_core import InputError
from cqb_core.data import index_cache, panoptic_files
from cqb_core.data.panoptic_files import PanopticSplit, find_split, parse_split, read_split, read_taxonomy


@pytest.fixture
def reads(monkeypatch, tmp_path):
    """How often a json was read, with every file large and old enough to be kept."""
    monkeypatch.setenv("CQB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index_cache, "KEPT_BYTES", 0)
    monkeypatch.setattr(index_cache, "SETTLED", -1)
    monkeypatch.setattr(index_cache, "_kept", type(index_cache._kept)())
    seen, read = [], panoptic_files.read_json
    monkeypatch.setattr(panoptic_files, "read_json", lambda path: (seen.append(path), read(path))[1])
    return seen


@pytest.fixture
def split(scenes, tmp_path):
    found = find_split(scenes, "train")
    copy = tmp_path / "panoptic.json"
    copy.write_bytes(found.annotation_file.read_bytes())
    return PanopticSplit("train", found.images_dir, found.maps_dir, copy)


def forget():
    """As a new process would."""
    index_cache._kept.clear()


def test_a_process_reads_a_json_once(reads, split, scene_index):
    assert read_split(split) == read_split(split) == scene_index
    assert read_taxonomy(split) == scene_index.taxonomy
    assert len(reads) == 1


def test_the_next_process_does_not_read_it_at_all(reads, split, scene_index):
    read_split(split)
    forget()
    assert read_split(split) == scene_index
    assert len(reads) == 1


def test_a_changed_file_is_read_anew(reads, split):
    before = read_split(split)
    content = json.loads(split.annotation_file.read_text())
    content["images"][0]["file_name"] = "y" + content["images"][0]["file_name"][1:]
    split.annotation_file.write_text(json.dumps(content))
    after = read_split(split)
    assert after.entries[0].file_name[0] == "y" != before.entries[0].file_name[0]
    assert len(reads) == 2


def test_a_file_changed_just_now_or_small_is_not_kept(reads, split, monkeypatch, tmp_path):
    for name, value in (("SETTLED", 3600), ("KEPT_BYTES", 10**9)):
        with monkeypatch.context() as changed:
            changed.setattr(index_cache, name, value)
            read_split(split)
            read_split(split)
    assert len(reads) == 4
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", None])
def test_a_damaged_index_is_made_anew(reads, split, scene_index, tmp_path, damage):
    read_split(split)
    (file,) = (tmp_path / "cache").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-300] if damage is None else damage)
    forget()
    assert read_split(split) == scene_index
    assert len(reads) == 2
    forget()
    assert read_split(split) == scene_index
    assert len(reads) == 2


def test_a_folder_that_cannot_be_written_is_no_obstacle(reads, split, scene_index, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert read_split(split) == scene_index


def test_faults_are_told_each_time_and_not_stored(reads, split, tmp_path):
    content = json.loads(split.annotation_file.read_text())
    content["annotations"][2]["segments_info"][0]["area"] = -1
    split.annotation_file.write_text(json.dumps(content))
    for _ in range(2):
        with pytest.raises(InputError, match=r"annotations\[2\]\.segments_info\[0\]\.area"):
            read_split(split)
    found = []
    index = parse_split(split, lambda image, fault: found.append(image))
    assert len(reads) == 1
    assert found == [content["annotations"][2]["image_id"]]
    assert len(index.entries) == 7
    assert not list((tmp_path / "cache").glob("*"))


def test_few_indices_are_kept(reads, split, tmp_path):
    for place in range(index_cache.KEPT_FILES + 2):
        copy = tmp_path / f"{place}.json"
        copy.write_bytes(split.annotation_file.read_bytes())
        read_split(PanopticSplit("x", split.images_dir, split.maps_dir, copy))
    assert len(index_cache._kept) == index_cache.KEPT_FILES


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("CQB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert index_cache.cache_folder() == tmp_path / "cqb-core"
    monkeypatch.setenv("CQB_CACHE", os.fspath(tmp_path / "mine"))
    assert index_cache.cache_folder() == tmp_path / "mine"
