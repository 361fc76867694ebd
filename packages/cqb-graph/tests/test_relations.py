import pytest
import torch

from cqb_graph import Edges, average_logits, pixel_features
from cqb_graph.nodes import Layout


def test_pixel_features_by_hand():
    nodes = torch.tensor([[[1.0, 0.0], [0.0, 10.0]]])
    logits = torch.log(torch.tensor([[[[1.0, 3.0]], [[1.0, 1.0]]]]))
    assert torch.allclose(pixel_features(nodes, logits), torch.tensor([[[[0.5, 0.75]], [[5.0, 2.5]]]]))


def test_pixel_features_equal_a_loop(draw):
    inputs = draw(1, 1, dtype=torch.double)
    nodes = torch.randn(2, 4, 6, dtype=torch.double, generator=torch.Generator().manual_seed(3))
    made = pixel_features(nodes, inputs.stuff_logits)
    for b, y, x in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4)).tolist():
        expected = inputs.stuff_logits[b, :, y, x].softmax(0) @ nodes[b]
        assert torch.allclose(made[b, :, y, x], expected)


def test_pixels_are_made_from_stuff_and_logits(draw, build):
    relations = build()(*draw(2, 1).all)
    assert relations.pixels.shape == (2, 8, 3, 4)
    assert torch.equal(relations.pixels, pixel_features(relations.stuff, relations.logits))


def test_flow_is_the_product_of_the_layers_last_first():
    first, second = torch.tensor([[[0.25, 0.75], [0.5, 0.5]]]), torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
    edges = Edges((first, second), Layout.of(torch.zeros(1, dtype=torch.long), 1))
    assert torch.allclose(edges.flow(), torch.tensor([[[0.25, 0.75], [0.375, 0.625]]]))


def test_no_layer_has_no_flow():
    with pytest.raises(ValueError, match="edges: wanted at least one layer"):
        Edges((), Layout.of(torch.zeros(1, dtype=torch.long), 1)).flow()


def test_averages_what_has_something_to_say():
    base = torch.tensor([1.0, 2.0])
    assert torch.equal(average_logits(base, torch.tensor([3.0, 6.0]), None), torch.tensor([2.0, 4.0]))
    assert torch.equal(average_logits(base, None), base)
