import pytest
import torch

from cqb_weak.ragged import image_index, one_table

ENTRIES = [torch.tensor([[1.0, 2]]), torch.zeros(0, 2), torch.tensor([[3.0, 4], [5, 6]])]


def test_the_image_of_each_row():
    assert image_index(ENTRIES).tolist() == [0, 2, 2]
    assert image_index(ENTRIES[1:2]).tolist() == []


def test_entries_become_one_table():
    assert one_table("boxes", ENTRIES, ENTRIES).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_entries_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"classes: wanted \[1, 0, 2\] rows, an entry an image, got \[1, 0, 1\]"):
        one_table("classes", [torch.zeros(1), torch.zeros(0), torch.zeros(1)], ENTRIES)
    with pytest.raises(ValueError, match=r"classes: wanted \[1, 0, 2\] rows, an entry an image, got \[3\]"):
        one_table("classes", [torch.zeros(3)], ENTRIES)


def test_no_image():
    with pytest.raises(ValueError, match="entries: wanted one or more images, got none"):
        image_index([])
    with pytest.raises(ValueError, match="boxes: wanted one or more images, got none"):
        one_table("boxes", [], [])
