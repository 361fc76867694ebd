import pytest

from cqb_core.assignment import Assignment
from cqb_core.data.assigned import owned_labels
from cqb_core.data.panoptic_files import PanopticIndex, fingerprint
from cqb_core.errors import InputError
from cqb_core.labels import Labels


def test_all_own_all_without_an_assignment(scene_index):
    assert owned_labels(None, scene_index) == dict.fromkeys(range(1, 9), Labels.PANOPTIC)


def test_each_image_owns_what_the_file_says(scene_index, assigned):
    owned = owned_labels(assigned("P", "B", "I+S"), scene_index)
    assert list(owned) == list(range(1, 9))
    assert [owned[i].short for i in range(1, 5)] == ["P", "B", "I+S", "none"]


@pytest.mark.parametrize("kind", [list, lambda entries: entries])
def test_a_part_of_the_images_needs_no_more_than_its_own(scene_index, assigned, kind):
    part, path = PanopticIndex(scene_index.taxonomy, kind(scene_index.entries[:2])), assigned("P", "B")
    with pytest.raises(InputError, match="fingerprint"):
        owned_labels(path, part)
    assert owned_labels(path, part, whole=False) == {1: Labels.PANOPTIC, 2: Labels.BOX}


def test_an_image_that_was_forgotten_is_named(scene_index, tmp_path):
    path, share = tmp_path / "labels.json", {Labels.BOX: 1.0}
    Assignment({Labels.BOX: (1, 2, 3, 4, 5, 6, 7)}, share, 0, fingerprint(scene_index)).write(path)
    with pytest.raises(InputError, match=r"images: wanted every image of the data set, got none for \[8\]"):
        owned_labels(path, scene_index)
