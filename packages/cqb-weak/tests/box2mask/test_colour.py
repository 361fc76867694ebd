import numpy as np
import pytest
import torch

from cqb_weak.box2mask import colour_alike, rgb_to_lab, roi_colours


def test_known_colours():
    """CIELAB of sRGB's primaries, of a grey and of white under D65 (published tables, two decimals)."""
    rgb = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5], [1, 1, 1], [0, 0, 0]])
    wanted = torch.tensor(
        [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86], [53.39, 0, 0], [100, 0, 0], [0, 0, 0]]
    )
    torch.testing.assert_close(rgb_to_lab(rgb.T[:, None]).reshape(3, -1).T, wanted, atol=0.02, rtol=0)


def test_same_lab_as_opencv():
    cv2 = pytest.importorskip("cv2")
    rgb = np.random.default_rng(0).random((8, 9, 3)).astype(np.float32)
    got = rgb_to_lab(torch.tensor(rgb).permute(2, 0, 1)).permute(1, 2, 0)
    torch.testing.assert_close(got, torch.tensor(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)), atol=0.3, rtol=0)


def test_cells_take_the_mean_of_their_pixels():
    images = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    rois = torch.tensor([[4.0, 2, 12, 6], [0, 0, 8, 8]])
    got = roi_colours(images, torch.tensor([1, 0]), rois, (2, 4))
    means = images[1, :, 2:6, 4:12].reshape(3, 2, 2, 4, 2).mean((2, 4))
    torch.testing.assert_close(got[0], rgb_to_lab(means), atol=1e-3, rtol=1e-3)


def test_a_roi_beyond_the_image_goes_on_with_the_border():
    images = torch.zeros(1, 3, 4, 4)
    images[..., 0] = 1
    got = roi_colours(images, torch.tensor([0]), torch.tensor([[-8.0, 0, 0, 4]]), (2, 4))
    torch.testing.assert_close(got[0, 0], torch.full((2, 4), 100.0), atol=0.01, rtol=0)


def test_images_do_not_leak_into_each_other():
    images = torch.zeros(3, 3, 16, 16)
    images[1] = 1
    got = roi_colours(images, torch.tensor([0, 1, 2]), torch.tensor([[2.0, 2, 14, 14]]).expand(3, 4), (4, 4))
    torch.testing.assert_close(got[:, 0, 0, 0], torch.tensor([0.0, 100, 0]), atol=0.01, rtol=0)


def test_alike_pairs_of_a_drawn_image():
    colours = torch.zeros(1, 3, 2, 3)
    colours[0, 0, :, 2] = 50
    alike = colour_alike(colours)
    assert alike[0].long().tolist() == [
        [[1, 0, 0], [1, 0, 0]],
        [[1, 1, 1], [0, 0, 0]],
        [[1, 0, 0], [0, 0, 0]],
        [[0, 1, 0], [0, 0, 0]],
    ]


@pytest.mark.parametrize(("difference", "tied"), [(2.40, True), (2.42, False)])
def test_how_alike(difference, tied):
    colours = torch.zeros(1, 3, 1, 2)
    colours[0, 1, 0, 1] = difference
    assert bool(colour_alike(colours)[0, 0, 0, 0]) is tied


def test_no_rois():
    assert roi_colours(torch.zeros(1, 3, 4, 4), torch.zeros(0).long(), torch.zeros(0, 4), (5, 6)).shape == (0, 3, 5, 6)


def test_bad_input():
    image, roi = torch.zeros(1, 3, 4, 4), torch.tensor([[0.0, 0, 4, 4]])
    with pytest.raises(ValueError, match=r"image_index\[0\]: wanted a whole number from 0 to 0, got 1"):
        roi_colours(image, torch.tensor([1]), roi, (2, 2))
    with pytest.raises(ValueError, match=r"rois\[0\]: wanted .* got \[4.0"):
        roi_colours(image, torch.tensor([0]), roi[:, [2, 1, 0, 3]], (2, 2))
    with pytest.raises(ValueError, match="similarity: wanted a number from 0.0 to 1.0, got 2.0"):
        colour_alike(torch.zeros(1, 3, 2, 2), 2.0)
