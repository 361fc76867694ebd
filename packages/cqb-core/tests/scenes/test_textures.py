import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_core.scenes import textures

ALL = [
    textures.clouds,
    textures.ripples,
    textures.dunes,
    textures.blades,
    textures.canopy,
    textures.asphalt,
    textures.bricks,
    textures.stripes,
    textures.speckle,
    textures.plain,
]


@pytest.mark.parametrize("texture", ALL)
@pytest.mark.parametrize("size", [(32, 41), (128, 96)])
def test_a_texture_fills_the_image_and_varies_within_bounds(texture, size):
    pattern = texture(np.random.default_rng(0), *size)
    assert pattern.shape == size
    assert pattern.dtype == np.float32
    assert 0.1 < pattern.std() < 2
    assert np.abs(pattern).max() < 10


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(1, 70), st.floats(1, 70))
def test_smooth_noise_has_the_asked_size_whatever_the_cells(height, width, cell_y, cell_x):
    assert textures.smooth_noise(np.random.default_rng(0), height, width, cell_y, cell_x).shape == (height, width)


def test_larger_cells_are_smoother():
    def roughness(cell):
        noise = textures.smooth_noise(np.random.default_rng(1), 96, 96, cell, cell)
        return np.abs(np.diff(noise, axis=1)).mean()

    assert roughness(2) > 2 * roughness(6) > 4 * roughness(24)


def test_textures_of_water_and_grass_run_across_each_other():
    def grain(texture):
        pattern = texture(np.random.default_rng(2), 96, 96)
        return np.abs(np.diff(pattern, axis=0)).mean() / np.abs(np.diff(pattern, axis=1)).mean()

    assert grain(textures.ripples) > 1.5
    assert grain(textures.blades) < 0.7
