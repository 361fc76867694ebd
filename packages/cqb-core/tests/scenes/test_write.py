import json

import numpy as np
import pytest

from cqb_core.data.images import read_id_map, read_image
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.data.panoptic_writing import panoptic_entry
from cqb_core.errors import InputError
from cqb_core.scenes import TAXONOMY, SceneStyle, write_scenes
from cqb_core.segments import PanopticMap, Segment

SMALL = SceneStyle(size=(48, 64), crowd=0.5)


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_box_area_and_id_is_that_of_the_pixels(tmp_path):
    write_scenes(tmp_path, train=6, val=2, style=SMALL, seed=1)
    for name, count in (("train", 6), ("val", 2)):
        split = find_split(tmp_path, name)
        index = read_split(split)
        assert index.taxonomy == TAXONOMY
        assert len(index.entries) == count
        for entry in index.entries:
            read_image(split.image_path(entry), (entry.width, entry.height))
            ids = read_id_map(split.map_path(entry), (entry.width, entry.height))
            assert set(np.unique(ids)) - {0} == {segment.id for segment in entry.segments}
            for segment in entry.segments:
                rows, columns = np.nonzero(ids == segment.id)
                assert segment.area == len(rows)
                box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
                assert segment.bbox == box


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_scenes(tmp_path / name, train=2, val=1, style=SMALL, seed=seed)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    a, c = files(tmp_path / "a"), files(tmp_path / "c")
    assert a.keys() == c.keys()
    assert all(a[name] != c[name] for name in a)


def test_an_image_does_not_depend_on_how_many_are_drawn(tmp_path):
    write_scenes(tmp_path / "few", train=2, val=2, style=SMALL)
    write_scenes(tmp_path / "more", train=4, val=2, style=SMALL)
    few, more = files(tmp_path / "few"), files(tmp_path / "more")
    assert all(few[name] == more[name] for name in few if not name.endswith(".json"))
    entries = read_split(find_split(tmp_path / "more", "train")).entries
    assert read_split(find_split(tmp_path / "few", "train")).entries == entries[:2]


def test_train_and_val_share_neither_images_nor_ids(tmp_path):
    write_scenes(tmp_path, train=3, val=3, style=SMALL)
    train, val = (read_split(find_split(tmp_path, name)).entries for name in ("train", "val"))
    assert not {e.image_id for e in train} & {e.image_id for e in val}
    assert len({content for name, content in files(tmp_path).items() if name.endswith(".jpg")}) == 6


def test_progress_counts_both_splits(tmp_path):
    seen = []
    write_scenes(tmp_path, train=2, val=1, style=SMALL, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_the_recipe_is_kept(tmp_path):
    write_scenes(tmp_path, train=1, val=0, style=SMALL, seed=9)
    recipe = json.loads((tmp_path / "scenes.json").read_text())
    assert recipe == {"seed": 9, "train": 1, "val": 0, "style": json.loads(json.dumps(SMALL.to_json()))}


def test_scenes_replace_scenes_and_nothing_else(tmp_path):
    write_scenes(tmp_path, train=2, val=1, style=SMALL)
    write_scenes(tmp_path, train=1, val=1, style=SMALL)
    assert len(read_split(find_split(tmp_path, "train")).entries) == 1
    (tmp_path / "scenes.json").unlink()
    before = files(tmp_path)
    with pytest.raises(InputError, match=r"folder: wanted an empty folder, or one of scenes .*, got other content"):
        write_scenes(tmp_path, train=1, val=1, style=SMALL)
    assert files(tmp_path) == before
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: folder: wanted a folder to draw scenes into, got a file"):
        write_scenes(tmp_path / "file")


def test_a_run_that_was_cut_off_leaves_no_json(tmp_path):
    write_scenes(tmp_path, train=1, val=1, style=SMALL)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path, train=1, val=1, style=SMALL, seed=5, progress=stop)
    assert list((tmp_path / "annotations").glob("*.json")) == []


@pytest.mark.parametrize("argument", ["train", "val", "seed"])
def test_negative_numbers_are_named(tmp_path, argument):
    with pytest.raises(InputError, match=f"scenes: {argument}: wanted 0 or above, got -1"):
        write_scenes(tmp_path / "x", **{argument: -1})
    assert not (tmp_path / "x").exists()


def test_an_entry_of_a_hand_drawn_map():
    ids = np.array([[7, 7, 0], [0, 7, 9]], np.int32)
    panoptic = PanopticMap(ids, (Segment(7, 1), Segment(9, 101, True), Segment(4, 2)))
    entry = panoptic_entry(panoptic, 3, "a.jpg", "a.png")
    assert (entry.width, entry.height) == (3, 2)
    assert [tuple(s) for s in entry.segments] == [(7, 1, (0, 0, 2, 2), 3, False), (9, 101, (2, 1, 3, 2), 1, True)]
