import torch

from cqb_weak.cls2pixel.pixels import channels_last, positions, positions_and_colours, resample, resample_mask


def test_positions_are_x_then_y():
    out = positions((2, 3), (2.0, 4.0), torch.zeros(()))
    assert out.tolist() == [[[0, 0], [0.25, 0], [0.5, 0], [0, 0.5], [0.25, 0.5], [0.5, 0.5]]]


def test_colours_follow():
    image = torch.arange(12.0).view(1, 3, 2, 2)
    out = positions_and_colours(image, (1.0, 1.0), 2.0)
    assert out[0].tolist() == [[0, 0, 0, 2, 4], [1, 0, 0.5, 2.5, 4.5], [0, 1, 1, 3, 5], [1, 1, 1.5, 3.5, 5.5]]


def test_every_image_has_its_colours():
    image = torch.rand(2, 3, 2, 2)
    one = positions_and_colours(image[1:], (1.0, 1.0), 2.0)
    assert torch.equal(positions_and_colours(image, (1.0, 1.0), 2.0)[1:], one)


def test_coarser_is_an_average_and_keeps_sums_over_classes():
    maps = torch.rand(2, 4, 9, 12, generator=torch.Generator().manual_seed(0)).softmax(1)
    torch.testing.assert_close(resample(maps, (3, 4)).sum(1), torch.ones(2, 3, 4))
    torch.testing.assert_close(resample(maps, (1, 1)).flatten(1), maps.mean((2, 3)), atol=0.02, rtol=0)
    assert resample(maps, (9, 12)) is maps


def test_mask():
    mask = torch.tensor([[[True, False], [False, True]]])
    assert torch.equal(resample_mask(mask, (4, 4)), mask.repeat_interleave(2, 1).repeat_interleave(2, 2))


def test_a_row_a_pixel():
    assert channels_last(torch.arange(8).view(1, 2, 2, 2).float()).tolist() == [[[0, 4], [1, 5], [2, 6], [3, 7]]]
