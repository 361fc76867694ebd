import pytest
import torch

from cqb_bench.methods.advseg.discriminator import Discriminator, judged, mean_over


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (9, 13)])
def test_a_logit_for_every_cell(size):
    assert Discriminator(3, channels=2)(torch.rand(2, 3, *size)).shape == (2, *size)


def test_a_cell_of_the_last_map_is_eight_of_the_first():
    assert Discriminator(3, channels=2).layers(torch.rand(1, 3, 16, 24)).shape == (1, 1, 2, 3)


def test_widths_are_the_papers():
    layers = Discriminator(21).layers
    assert [layer.out_channels for layer in layers[::2]] == [64, 128, 256, 512, 1]
    assert [layer.negative_slope for layer in layers[1::2]] == [0.2] * 4


def test_maps_that_are_too_small_are_named():
    with pytest.raises(ValueError, match=r"maps: wanted sides of 8 cells or more, got \(8, 7\)"):
        Discriminator(3, channels=2)(torch.rand(1, 3, 8, 7))


def test_judged_says_the_same_with_a_gradient_for_the_maps_alone():
    torch.manual_seed(0)
    discriminator, maps = Discriminator(3, channels=2), torch.rand(2, 3, 8, 8, requires_grad=True)
    said, direct = judged(discriminator, maps), discriminator(maps)
    torch.testing.assert_close(said, direct)
    said.sum().backward()
    assert all(parameter.grad is None for parameter in discriminator.parameters())
    mine = maps.grad.clone()
    maps.grad = None
    direct.sum().backward()
    torch.testing.assert_close(mine, maps.grad)
    assert mine.abs().sum() > 0


def test_mean_over_some_cells():
    values = torch.tensor([[[1.0, 2.0], [torch.inf, 6.0]]], requires_grad=True)
    mean = mean_over(values, torch.tensor([[[True, False], [False, True]]]))
    mean.backward()
    assert mean.item() == 3.5
    assert values.grad.tolist() == [[[0.5, 0], [0, 0.5]]]
    assert mean_over(values, torch.zeros(1, 2, 2, dtype=torch.bool)).item() == 0
