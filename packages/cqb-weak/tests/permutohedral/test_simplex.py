import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.permutohedral.simplex import elevate, enclosing_simplex, project, vertices


def features(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3


def test_elevation_in_one_dimension():
    """d = 1: distances grow by 2 sqrt(2/3), shared by two coordinates of opposite sign."""
    length = 2 * (2 / 3) ** 0.5 / 2**0.5
    expected = torch.tensor([[length, -length]], dtype=torch.float64)
    torch.testing.assert_close(elevate(torch.ones(1, 1, dtype=torch.float64)), expected)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8])
def test_elevation_scales_all_distances_alike(d):
    points = features(20, d)
    ratio = torch.pdist(elevate(points)) / torch.pdist(points)
    torch.testing.assert_close(ratio, torch.full_like(ratio, (d + 1) * (2 / 3) ** 0.5))
    torch.testing.assert_close(elevate(points).sum(-1), torch.zeros(20, dtype=torch.float64), atol=1e-10, rtol=0)


def test_a_feature_on_a_vertex_has_all_the_weight_there():
    _, _, weights = enclosing_simplex(torch.zeros(1, 3))
    assert weights.tolist() == [[1, 0, 0, 0]]


def test_midpoint_of_an_edge_in_one_dimension():
    """The vertices are 0 and (1, -1), which is 1 / length away."""
    length = 2 * (2 / 3) ** 0.5 / 2**0.5
    origin, rank, weights = enclosing_simplex(torch.tensor([[0.5 / length]], dtype=torch.float64))
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.5]], dtype=torch.float64))
    assert vertices(origin, rank).tolist() == [[[0, 0], [1, -1]]]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(0, 10_000))
def test_the_feature_is_the_weighted_mean_of_its_vertices(d, seed):
    points = features(30, d, seed)
    origin, rank, weights = enclosing_simplex(points)
    corners = vertices(origin, rank)
    assert weights.min() > -1e-9
    torch.testing.assert_close(weights.sum(-1), torch.ones(30, dtype=torch.float64))
    torch.testing.assert_close((corners * weights.unsqueeze(-1)).sum(-2), elevate(points), atol=1e-9, rtol=0)
    assert torch.equal(corners.sum(-1), torch.zeros_like(rank))
    assert torch.equal(corners.remainder(d + 1), torch.arange(d + 1).view(1, -1, 1).expand_as(corners))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(0, 10_000))
def test_projection_equals_the_table_of_coordinates(d, seed):
    origin, rank, _ = enclosing_simplex(features(10, d, seed))
    strides = torch.randint(-1000, 1000, (d + 1,), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(project(origin, rank, strides), (vertices(origin, rank) * strides).sum(-1))
