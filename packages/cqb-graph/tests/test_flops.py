"""FLOPs at 1333x800 as torch counts them, two a multiply-add, against a closed form and the paper's budget."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cqb_graph import GraphOptions, RelationReasoning

N, R, C, T, S, D = 1000, 1024, 128, 80, 54, 128
HEIGHT, WIDTH = 200, 334


def counted(fused):
    """Of one stage."""
    module = RelationReasoning(R, C, T, S, options=GraphOptions(fused=fused)).eval()
    region, index = torch.zeros(N, R), torch.zeros(N, dtype=torch.long)
    feature, logits = torch.zeros(1, C, HEIGHT, WIDTH), torch.zeros(1, S, HEIGHT, WIDTH)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.predict(region, feature, module(region, index, feature, logits))
    return counter.get_total_flops()


def expected(fused):
    def layer(nodes):
        return nodes * D * D + nodes * nodes * D

    pixels = HEIGHT * WIDTH
    projections = N * R * D + S * C * D + (N + S) * D * D
    graph = layer(N) + layer(S) + 2 * layer(N + S)
    regions = N * (R + D) * (T + 1 + 4)
    maps = pixels * (C * S + S * S) + S * D * S if fused else pixels * (S * D + (C + D) * S)
    return 2 * (projections + graph + regions + pixels * S * C + maps)


@pytest.mark.parametrize("fused", [True, False])
def test_flops_of_a_stage(fused):
    assert counted(fused) == expected(fused)


def test_three_stages_keep_the_papers_budget_without_the_map_of_pixel_features():
    assert 3 * expected(fused=True) <= 12.5e9 < 3 * expected(fused=False)
