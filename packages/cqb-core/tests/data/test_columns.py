import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_core.data.columns import Columns, CompactEntries, PanopticEntry, SegmentInfo

NUMBER = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
SEGMENT = st.builds(
    SegmentInfo, st.integers(1, 2**24), st.integers(-5, 300), st.tuples(*[NUMBER] * 4), NUMBER, st.booleans()
)
NAME = st.text(st.characters(codec=None), max_size=5)
ENTRY = st.builds(
    PanopticEntry,
    st.integers(-(2**70), 2**70),
    NAME,
    st.integers(1),
    st.integers(1),
    NAME,
    st.lists(SEGMENT, max_size=4).map(tuple),
)
PLAIN = [
    PanopticEntry(5, "a.jpg", 64, 48, "a.png", (SegmentInfo(1, 9, (0, 0.5, 3, 4), 12, True),)),
    PanopticEntry(2, "ü/b.jpg", 4, 3, "b.png", ()),
    PanopticEntry(9, "c.jpg", 4, 3, "c.png", (SegmentInfo(2, 1, (0, 0, 1, 1), 1.0, False),) * 2),
]


def typed(entry):
    return [(type(v), v) for s in entry.segments for v in (s.id, s.category_id, *s.bbox, s.area, s.iscrowd)]


@settings(deadline=None)
@given(st.lists(ENTRY, max_size=4))
def test_entries_come_back_as_they_were(entries):
    made = CompactEntries(Columns.of(entries))
    assert list(made) == [made[i] for i in range(len(made))] == entries
    assert list(map(typed, made)) == list(map(typed, entries))
    assert made == tuple(entries)
    assert list(made.images()) == [(e.image_id, e.file_name, e.width, e.height) for e in entries]
    assert made.image_ids() == [e.image_id for e in entries]


def test_they_are_a_sequence():
    made = CompactEntries(Columns.of(PLAIN))
    assert made[-1] == PLAIN[2]
    assert made[1:] == tuple(PLAIN[1:])
    assert made != tuple(PLAIN[:2])
    assert made != [*PLAIN[:2], PLAIN[0]]
    assert made != 3
    with pytest.raises(IndexError):
        made[3]
    assert made.files(1) == ("ü/b.jpg", "b.png")
    assert repr(made) == "CompactEntries(3 images, 3 segments)"


def test_numbers_of_64_bits_make_plain_arrays():
    assert Columns.of(PLAIN).plain
    assert Columns.of([]).plain
    large = PanopticEntry(2**64, "a", 1, 1, "b", ())
    assert not Columns.of([large]).plain
    assert Columns.of(PLAIN).boxes.dtype == np.float64
