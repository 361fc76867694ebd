import pytest
import torch

from cqb_graph import GraphOptions
from cqb_graph.graph import RelationGraph

PLAIN = GraphOptions(intra=False, residual=False, dropout=0.0)


@pytest.fixture
def nodes():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 8, generator=generator), torch.randn(2, 4, 8, generator=generator)


def reason(graph, nodes, things=(3, 2), record=False):
    present = torch.arange(3) < torch.tensor(things)[:, None]
    return graph(nodes[0], present, nodes[1], torch.ones(2, 4, dtype=torch.bool), record)


def graph_of(layers=2, heads=2, options=PLAIN):
    torch.manual_seed(0)
    return RelationGraph(8, layers, heads, options).eval()


def test_without_layers_and_intra_graphs_nodes_stay(nodes):
    things, stuff, _ = reason(graph_of(layers=0), nodes)
    assert torch.equal(things, nodes[0])
    assert torch.equal(stuff, nodes[1])


def test_the_super_graph_is_attention_over_things_and_stuff_together(nodes):
    graph = graph_of()
    joined = torch.cat(nodes, dim=1)
    present = torch.ones(2, 7, dtype=torch.bool)
    by_hand = graph.inter[1](graph.inter[0](joined, present)[0], present)[0]
    things, stuff, _ = reason(graph, nodes, (3, 3))
    assert torch.equal(torch.cat([things, stuff], dim=1), by_hand)
    assert [layer.heads for layer in graph.inter] == [2, 1]


def test_a_residual_adds_the_input(nodes):
    options = GraphOptions(intra=False, residual=True, dropout=0.0)
    bare, with_input = reason(graph_of(1), nodes), reason(graph_of(1, options=options), nodes)
    assert torch.allclose(with_input[0] - nodes[0], bare[0], atol=1e-6)
    assert torch.allclose(with_input[1] - nodes[1], bare[1], atol=1e-6)


def test_intra_graphs_keep_the_branches_apart(nodes):
    graph = graph_of(layers=0, options=GraphOptions(dropout=0.0))
    things, stuff, _ = reason(graph, nodes)
    other_things, _, _ = reason(graph, (nodes[0], nodes[1] + 1))
    _, other_stuff, _ = reason(graph, (nodes[0] + 1, nodes[1]))
    assert torch.equal(things, other_things)
    assert torch.equal(stuff, other_stuff)
    assert not torch.allclose(things, nodes[0])
    assert not torch.allclose(stuff, nodes[1])


@pytest.mark.parametrize("options", [PLAIN, GraphOptions(dropout=0.0)])
def test_recorded_rows_sum_to_one_and_absent_places_send_nothing(nodes, options):
    graph = graph_of(options=options)
    weights = reason(graph, nodes, (3, 1), record=True)[2]
    assert len(weights) == 2 + options.intra
    for layer in weights:
        assert torch.allclose(layer.sum(-1), torch.ones(2, 7))
        present = [0, 3, 4, 5, 6]
        assert (layer[1][present][:, 1:3] == 0).all()
    assert reason(graph, nodes)[2] == ()


def test_negative_layers():
    with pytest.raises(ValueError, match="layers: wanted 0 or more, got -1"):
        graph_of(layers=-1)
