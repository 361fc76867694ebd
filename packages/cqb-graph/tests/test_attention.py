import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_graph import GraphAttention, edge_weights


def concatenated(layer, nodes):
    """Attention of one graph as first written down: all pairs concatenated, head by head, edge by edge."""
    size = layer.receive.shape[1]
    heads = []
    for head in range(layer.heads):
        hidden = nodes @ layer.transform.weight[head * size : (head + 1) * size].T
        scoring = torch.cat([layer.receive[head], layer.send[head]])
        scores = torch.stack(
            [
                torch.stack(
                    [F.leaky_relu(scoring @ torch.cat([hidden[i], hidden[j]]), layer.slope) for j in range(len(nodes))]
                )
                for i in range(len(nodes))
            ]
        )
        heads.append(scores.softmax(dim=1) @ hidden)
    return F.elu(torch.cat(heads, dim=1))


def test_weights_of_three_nodes_by_hand():
    receive, send = torch.tensor([0.0, -3.0]), torch.tensor([math.log(2.0), 0.0])
    weights = edge_weights(receive, send, 0.5, torch.tensor([True, True]))
    assert torch.allclose(weights[0], torch.tensor([2 / 3, 1 / 3]))
    # Both scores are negative here, so half of log 2 is what remains between them.
    root = math.sqrt(2.0)
    assert torch.allclose(weights[1], torch.tensor([root / (1 + root), 1 / (1 + root)]))


@pytest.mark.parametrize("heads", [1, 2])
def test_equals_the_concatenated_form(heads):
    torch.manual_seed(1)
    layer, nodes = GraphAttention(6, 8, heads).double(), torch.randn(5, 6, dtype=torch.double)
    made, weights = layer(nodes[None], torch.ones(1, 5, dtype=torch.bool))
    assert torch.allclose(made[0], concatenated(layer, nodes), atol=1e-12)
    assert torch.allclose(weights.sum(-1), torch.ones((), dtype=torch.double))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(0, 99))
def test_absent_nodes_send_nothing_and_get_no_gradient(flags, seed):
    torch.manual_seed(seed)
    layer, present = GraphAttention(4, 6, 2), torch.tensor([flags])
    nodes = torch.randn(1, len(flags), 4, requires_grad=True)
    made, weights = layer(nodes, present)
    assert torch.isfinite(made).all()
    if any(flags):
        assert (weights[..., ~present[0]] == 0).all()
        made[present].sum().backward()
        assert (nodes.grad[~present] == 0).all()


def test_no_sender_at_all_gives_finite_numbers():
    weights = edge_weights(torch.randn(3), torch.randn(3), 0.4, torch.zeros(3, dtype=torch.bool))
    assert torch.allclose(weights, torch.full((3, 3), 1 / 3))


def test_half_precision_scores_are_weighed_in_float32():
    receive, send = torch.tensor([100.0]).half(), torch.tensor([100.0]).half()
    assert edge_weights(receive, send, 0.4, torch.tensor([True])).dtype == torch.float32


def test_gradcheck():
    torch.manual_seed(2)
    layer, present = GraphAttention(3, 4, 2).double(), torch.tensor([[True, True, True], [True, False, True]])
    nodes = torch.randn(2, 3, 3, dtype=torch.double, requires_grad=True)
    weight = layer.transform.weight.detach().clone().requires_grad_()

    def run(nodes, weight):
        return torch.func.functional_call(layer, {"transform.weight": weight}, (nodes, present))[0]

    assert torch.autograd.gradcheck(run, (nodes, weight))


def test_dropout_acts_while_training_only():
    torch.manual_seed(3)
    layer, nodes, present = GraphAttention(4, 4, dropout=0.5), torch.randn(1, 6, 4), torch.ones(1, 6, dtype=torch.bool)
    assert not torch.equal(layer(nodes, present)[0], layer(nodes, present)[0])
    layer.eval()
    assert torch.equal(layer(nodes, present)[0], layer(nodes, present)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": 3}, "heads: wanted a divisor of the width 8, got 3"),
        ({"slope": 0.0}, "slope: wanted a number above 0, at most 1, got 0.0"),
        ({"heads": 0}, "heads: wanted a positive integer, got 0"),
    ],
)
def test_messages(arguments, message):
    with pytest.raises(ValueError, match=message):
        GraphAttention(4, 8, **arguments)
