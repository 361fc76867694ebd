import torch

from cqb_net.auxiliaries.regions import regions_of


def test_regions_of_some_images_are_numbered_anew():
    rows, image = regions_of([1, 3], torch.tensor([3, 0, 1, 1, 2, 3]), 4)
    assert rows.tolist() == [0, 2, 3, 5]
    assert image.tolist() == [1, 0, 0, 1]


def test_no_image_and_an_image_without_regions():
    index = torch.tensor([0, 0])
    assert [len(each) for each in regions_of([], index, 2)] == [0, 0]
    assert [len(each) for each in regions_of([1], index, 2)] == [0, 0]
