import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cqb_core.data.panoptic_files import PanopticEntry, PanopticIndex, PanopticSplit, SegmentInfo, read_split
from cqb_core.data.panoptic_writing import annotation_json, image_json, measure_segments, write_panoptic_json
from cqb_core.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy((Category(7, "boat", True, (1, 2, 3)),), (Category(90, "sea", False, (4, 5, 6)),))


def test_what_is_written_reads_the_same(tmp_path):
    boat, sea = SegmentInfo(300, 7, (2, 3, 12, 8), 31, False), SegmentInfo(1, 90, (0, 0, 64, 48), 2000.0, True)
    entries = (
        PanopticEntry(12, "b.jpg", 64, 48, "b.png", (boat, sea)),
        PanopticEntry(5, "deep/a.jpg", 32, 16, "a.png", ()),
    )
    out = tmp_path / "deep" / "again.json"
    write_panoptic_json(out, map(image_json, entries), map(annotation_json, entries), TAXONOMY)
    again = read_split(PanopticSplit("again", tmp_path, tmp_path, out))
    assert isinstance(again, PanopticIndex)
    assert again.taxonomy == TAXONOMY
    assert tuple(again.entries) == entries


def test_a_json_with_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_panoptic_json(tmp_path / "x.json", [], [{"area": float("nan")}], TAXONOMY)
    assert list(tmp_path.iterdir()) == []


def slow_measure(ids):
    found = {}
    for value in set(ids.ravel().tolist()) - {0}:
        rows, columns = np.nonzero(ids == value)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        found[value] = (tuple(map(int, box)), len(rows))
    return found


def test_measures_a_hand_drawn_map():
    ids = np.array([[0, 5, 5, 0], [9, 9, 5, 0], [0, 0, 0, 9]], np.int32)
    assert measure_segments(ids) == {5: ((1, 0, 3, 2), 3), 9: ((0, 1, 4, 3), 3)}


@settings(deadline=None)
@given(arrays(np.int32, st.tuples(st.integers(0, 7), st.integers(1, 7)), elements=st.integers(0, 3)))
def test_measures_as_the_slow_way_does(ids):
    assert measure_segments(ids) == slow_measure(ids)
