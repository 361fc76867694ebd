import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_core import InputError, Labels, assign
from cqb_net.pilots.protocol import ROWS, Entry, modules_for, named_rows, table2

P = Labels.PANOPTIC


def test_the_rows_are_those_of_table_2():
    """As in the paper: rest of baseline and module, rest of the upper bound, module, branch of the PQ."""
    rows = [(row.name, row.rest.short, row.upper.short, row.module, row.branch) for row in ROWS]
    assert rows == [
        ("Cls2Box", "I", "B", "Cls2Box", "things"),
        ("Box2Mask", "B", "M", "Box2Mask", "things"),
        ("Relation st->th", "S", "B+S", "Relation", "things"),
        ("Cls2Pixel", "I", "S", "Cls2Pixel", "stuff"),
        ("Relation th->st", "B", "B+S", "Relation", "stuff"),
    ]


def test_a_row_is_three_trainings_a_share_and_seed():
    entries = table2(named_rows(["Cls2Pixel"]), (0.1, 0.5), 2)
    assert len(entries) == 3 * 2 * 2
    told = [(e.variant, e.rest.short, e.modules, e.module, e.branch) for e in entries if (e.share, e.seed) == (0.5, 1)]
    assert told == [
        ("baseline", "I", (), "Cls2Pixel", "stuff"),
        ("module", "I", ("Cls2Pixel",), "Cls2Pixel", "stuff"),
        ("upper", "S", (), "Cls2Pixel", "stuff"),
    ]


def test_baselines_come_before_what_is_compared_with_them():
    entries = table2(ROWS, (0.1, 0.3), 2)
    for place, entry in enumerate(entries):
        if entry.variant != "baseline":
            base = (entry.module, entry.share, entry.seed, "baseline")
            assert base in [(e.module, e.share, e.seed, e.variant) for e in entries[:place]]


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 1.0), st.integers(0, 5), st.integers(1, 40))
def test_panoptic_images_depend_on_share_and_seed_alone(share, seed, images):
    chosen = {
        assign(range(images), entry.allocation, entry.seed).images[P]
        for entry in table2(ROWS, [share], seed + 1)
        if entry.seed == seed
    }
    assert len(chosen) == 1


def test_allocations_are_shares_of_the_images():
    entry = Entry(Labels.BOX, 0.3, "module", "Box2Mask", ("Box2Mask",), 0, "things")
    assert entry.allocation == {P: 0.3, Labels.BOX: 0.7}
    assert Entry(Labels(0), 0.3, "baseline", "", (), 0, "all").allocation == {P: 0.3, Labels(0): 0.7}
    assert Entry(Labels.BOX, 1.0, "baseline", "", (), 0, "all").allocation == {P: 1.0}
    assert Entry(P, 0.3, "baseline", "", (), 0, "all").allocation == {P: 1.0}
    assert entry.title == "Box2Mask module, 0.3 P + B, seed 0"


def test_rows_are_named_in_any_case_and_come_in_the_order_of_the_table():
    assert [row.name for row in named_rows([" relation TH->st", "cls2box"])] == ["Cls2Box", "Relation th->st"]


@pytest.mark.parametrize(
    ("name", "guess"), [("Cls2Bx", "Cls2Box"), ("box2masks", "Box2Mask"), ("relation st>th", "Relation st->th")]
)
def test_an_unknown_row_gets_a_guess(name, guess):
    with pytest.raises(InputError) as caught:
        named_rows(["Cls2Pixel", name])
    wanted = "Cls2Box, Box2Mask, Relation st->th, Cls2Pixel, Relation th->st"
    assert str(caught.value) == f"--rows: '{name}': wanted one of {wanted}, got '{name}' (did you mean {guess}?)"


@pytest.mark.parametrize(
    ("rest", "modules"),
    [
        ("I", ("Cls2Box", "Cls2Pixel")),
        ("B", ("Box2Mask", "Relation")),
        ("S", ("Relation",)),
        ("B+S", ("Box2Mask", "Relation")),
        ("M", ()),
        ("none", ()),
        ("P", ()),
    ],
)
def test_modules_that_learn_from_labels(rest, modules):
    assert modules_for(Labels.parse(rest)) == modules
