import numpy as np
import pytest

from cqb_core.errors import InputError
from cqb_core.evaluation.contributions import Contributions, class_quality, group_quality, group_slice


def _one(image_ids=("a", "b"), category_ids=(3, 5)):
    values = np.arange(len(image_ids) * len(category_ids) * 4, dtype=float).reshape(len(image_ids), -1, 4)
    return Contributions(image_ids, category_ids, values)


def test_quality_of_drawn_sums():
    totals = np.array([[1.5, 2, 1, 1], [0, 0, 0, 0], [0, 0, 3, 0]])
    np.testing.assert_array_equal(class_quality(totals), [[0.5, 0.75, 2 / 3], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(group_quality(totals), [0.25, 0.375, 1 / 3])


def test_a_group_without_segments_has_no_quality():
    assert np.isnan(group_quality(np.zeros((2, 4)))).all()
    stacked = group_quality(np.array([[[0.0, 0, 0, 0]], [[1, 1, 0, 0]]]))
    np.testing.assert_array_equal(stacked, [[np.nan] * 3, [1, 1, 1]])


def test_groups_are_slices_of_the_taxonomy(taxonomy):
    slices = {group: group_slice(taxonomy, group) for group in ("all", "things", "stuff")}
    assert {g: list(range(4))[s] for g, s in slices.items()} == {"all": [0, 1, 2, 3], "things": [0, 1], "stuff": [2, 3]}


def test_parts_join_in_order():
    joined = Contributions.joined([_one(("a",)), _one(("b", "c"))])
    assert joined.image_ids == ("a", "b", "c")
    np.testing.assert_array_equal(joined.values[1:], _one(("b", "c")).values)


@pytest.mark.parametrize("image_ids", [("a", "b"), (7, 2**40)])
def test_a_file_gives_back_what_was_written(tmp_path, image_ids):
    _one(image_ids).write(tmp_path / "run" / "pq.npz")
    back = Contributions.read(tmp_path / "run" / "pq.npz")
    assert (back.image_ids, back.category_ids) == (image_ids, (3, 5))
    np.testing.assert_array_equal(back.values, _one(image_ids).values)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["pq.npz"]


def test_faults_are_named(tmp_path):
    with pytest.raises(InputError, match=r"image_ids: wanted ids that occur once, got 'a' again"):
        _one(("a", "b", "a"))
    with pytest.raises(InputError, match=r"image_ids: wanted all int or all str, got \['int', 'str'\]"):
        _one(("a", 1))
    with pytest.raises(InputError, match=r"values: wanted the shape \(1, 2, 4\), got \(1, 3, 4\)"):
        Contributions(("a",), (1, 2), np.zeros((1, 3, 4)))
    with pytest.raises(InputError, match=r"parts\[1\].category_ids: wanted \(3, 5\), got \(3, 6\)"):
        Contributions.joined([_one(("a",)), _one(("b",), (3, 6))])
    with pytest.raises(InputError, match=r"'a' again"):
        Contributions.joined([_one(), _one()])
    with pytest.raises(InputError, match="parts: wanted at least one, got 0"):
        Contributions.joined([])
    with pytest.raises(InputError, match=r"none.npz: file: .* no such file"):
        Contributions.read(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match=r"text.npz: file: wanted image_ids, category_ids and values"):
        Contributions.read(tmp_path / "text.npz")
