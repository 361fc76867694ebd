import pytest
import torch

from cqb_weak.cls2pixel import class_activation_maps, multi_scale_maps, normalised


def test_two_pixels_by_hand():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    weight = torch.tensor([[2.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
    maps = class_activation_maps(features, weight)
    assert maps.tolist() == [[[[5, 3]], [[2, 0]], [[0, 3]]]]
    torch.testing.assert_close(normalised(maps)[0, 0, 0], torch.tensor([5, 3]) / 5.00001)


def test_a_class_that_is_nowhere_stays_zero():
    assert normalised(torch.zeros(1, 2, 3, 3)).eq(0).all()


def test_autocast_keeps_float32():
    features, weight = torch.randn(2, 3, 4, 5), torch.randn(6, 3)
    with torch.autocast("cpu", torch.bfloat16):
        out = class_activation_maps(features, weight)
    torch.testing.assert_close(out, class_activation_maps(features, weight))


def test_one_scale_without_flip_is_the_map_itself():
    image = torch.rand(1, 3, 8, 8)
    out = multi_scale_maps(lambda x: x * 2, image, (8, 8), scales=(1.0,), flip=False)
    torch.testing.assert_close(out, image * 2)


def test_mirrored_images_give_mirrored_maps():
    """Even for a network that prefers one side."""
    side = torch.linspace(0, 1, 16)

    def one_sided(x):
        return x * torch.nn.functional.interpolate(side.expand(1, 1, 16, 16), x.shape[2:])

    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    out, mirrored = (multi_scale_maps(one_sided, each, (16, 16)) for each in (image, image.flip(-1)))
    torch.testing.assert_close(mirrored.flip(-1), out)
    assert not torch.allclose(one_sided(image).flip(-1), one_sided(image.flip(-1)))


def test_scales_are_seen_and_averaged():
    seen = []

    def area(x):
        seen.append(tuple(x.shape[2:]))
        return x.new_full((1, 1, 2, 2), x.shape[-1])

    out = multi_scale_maps(area, torch.zeros(1, 3, 8, 12), (4, 6), scales=(0.5, 1.0, 1.5), flip=False)
    assert seen == [(4, 6), (8, 12), (12, 18)]
    torch.testing.assert_close(out, torch.full((1, 1, 4, 6), 12.0))


@pytest.mark.parametrize("scales", [(), (1.0, 0.0)])
def test_bad_scales(scales):
    with pytest.raises(ValueError, match="scales: wanted one or more positive factors, got"):
        multi_scale_maps(lambda x: x, torch.zeros(1, 3, 4, 4), (4, 4), scales=scales)
