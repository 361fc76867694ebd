import pytest

from cqb_core import InputError, Labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("P", Labels.PANOPTIC),
        ("i", Labels.IMAGE),
        ("B+S", Labels.BOX | Labels.STUFF),
        ("MASK", Labels.MASK),
        ("I+B+M+S", Labels.PANOPTIC),
        ("none", Labels(0)),
    ],
)
def test_names_are_read_and_written(text, labels):
    assert Labels.parse(text) == labels
    assert Labels.parse(labels.short) == labels


def test_short_names_are_the_papers():
    assert [Labels.PANOPTIC.short, (Labels.BOX | Labels.STUFF).short, Labels(0).short] == ["P", "B+S", "none"]


def test_every_set_survives_its_short_name():
    for value in range(16):
        assert Labels.parse(Labels(value).short) == Labels(value)


def test_an_unknown_word_is_named():
    with pytest.raises(InputError, match=r"labels: 'B\+X': wanted one of P, I, B, M, S.*got 'X'"):
        Labels.parse("B+X")


def test_masks_imply_boxes_and_nothing_else_is_implied():
    assert Labels.MASK.implied == Labels.MASK | Labels.BOX
    for labels in (Labels(0), Labels.IMAGE, Labels.BOX, Labels.STUFF, Labels.PANOPTIC):
        assert labels.implied == labels


def test_boxes_tell_the_things_and_stuff_maps_the_stuff():
    tells = {own: (own.thing_tags, own.stuff_tags) for own in (Labels.IMAGE, Labels.BOX, Labels.MASK, Labels.STUFF)}
    assert tells == {
        Labels.IMAGE: (True, True),
        Labels.BOX: (True, False),
        Labels.MASK: (True, False),
        Labels.STUFF: (False, True),
    }
