"""The public stand-in (Graphonomy-Panoptic), weights and all, run by this package's parts."""

import pytest
import torch
from torch import nn

from cqb_graph import PUBLIC_STAND_IN, RelationReasoning, class_centers


def load(layer, fill, transform, scoring):
    """Give a layer the weights of the reference; seeds of each head."""
    size = layer.receive.shape[1]
    transforms = [fill((size, layer.transform.in_features), 100 + seed) for seed in transform]
    scores = [fill((1, 2 * size), 100 + seed)[0] for seed in scoring]
    with torch.no_grad():
        layer.transform.weight.copy_(torch.cat(transforms))
        layer.receive.copy_(torch.stack([score[:size] for score in scores]))
        layer.send.copy_(torch.stack([score[size:] for score in scores]))


@pytest.fixture
def module(reference):
    _, numbers, fill = reference
    made = RelationReasoning(1024, 512, 80, 54, options=PUBLIC_STAND_IN).eval()
    made.stuff_out = nn.Linear(128, 256)
    order = numbers["params_sorted"]

    def seeds(layer, kinds):
        return [order.index(f"{name}.{kinds}.weight") for name in layer]

    for layer, names in zip(made.graph.inter, (["attention_0", "attention_1"], ["out_att"]), strict=True):
        load(layer, fill, seeds(names, "W"), seeds(names, "adj_func"))
    projections = made.region_in, made.stuff_in, made.region_out, made.stuff_out
    with torch.no_grad():
        for seed, layer in enumerate(projections, start=200):
            layer.weight.copy_(fill(tuple(layer.weight.shape), seed))
            layer.bias.zero_()
    return made


def same(tensor, numbers):
    wide = tensor.detach().double()
    made = {"sum": wide.sum(), "abs_sum": wide.abs().sum(), "l2": wide.norm(), "max": wide.max(), "min": wide.min()}
    for name, value in numbers.items():
        # A sum of signed numbers is only as exact as the sum of their sizes.
        slack = 1e-7 * numbers["abs_sum"] if name == "sum" else 0
        assert made[name].item() == pytest.approx(value, rel=1e-5, abs=slack), name


def test_reproduces_the_public_numbers(reference, module):
    inputs, numbers, _ = reference
    same(class_centers(inputs["stuff"], inputs["score"]), numbers["class_center"])
    index = torch.zeros(10, dtype=torch.long)
    relations = module(inputs["region"], index, inputs["stuff"], inputs["score"])
    same(relations.region, numbers["thing_enh"])
    same(relations.pixels, numbers["stuff_enh"])


def test_reproduces_the_public_nodes(reference, module):
    inputs, numbers, _ = reference
    module.region_out, module.stuff_out = nn.Identity(), nn.Identity()
    relations = module(inputs["region"], torch.zeros(10, dtype=torch.long), inputs["stuff"], inputs["score"])
    nodes = torch.cat([relations.region, relations.stuff[0]])
    same(nodes, numbers["gat_out"])
    assert nodes[0, 0].item() == pytest.approx(numbers["gat_out_00"], rel=1e-5)
    assert nodes[-1, -1].item() == pytest.approx(numbers["gat_out_last"], rel=1e-5)
