"""Tags alone teach pixels by multiple-instance learning, on drawn features."""

import pytest

from cqb_bench.methods.fcn_mil.auxiliary import FcnMil


@pytest.mark.parametrize("seed", range(3))
def test_pixels_from_tags(taught_by_tags, seed):
    assert taught_by_tags(FcnMil, seed, shuffled=False) > 0.45
    assert taught_by_tags(FcnMil, seed, shuffled=True) < 0.3
