"""Tags alone teach pixels by activation maps, on drawn features."""

from functools import partial

import pytest

from cqb_bench.methods.cam.auxiliary import Cam


@pytest.mark.parametrize("seed", range(3))
def test_pixels_from_tags(taught_by_tags, seed):
    cam = partial(Cam, warm_up=40)
    assert taught_by_tags(cam, seed, shuffled=False) > 0.6
    assert taught_by_tags(cam, seed, shuffled=True) < 0.3
