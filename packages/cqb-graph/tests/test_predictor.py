from dataclasses import replace

import pytest
import torch

from cqb_graph import GraphOptions
from cqb_graph.predictor import RelationPredictor


def test_fused_logits_equal_those_of_the_concatenation(draw, build):
    inputs = draw(2, 3, dtype=torch.double)
    fused = build(GraphOptions(fused=True), dtype=torch.double)
    concatenated = build(GraphOptions(fused=False), dtype=torch.double)
    concatenated.load_state_dict(fused.state_dict(), strict=True)
    made = [m.predict(inputs.region_features, inputs.stuff_feature, m(*inputs.all)) for m in (fused, concatenated)]
    assert torch.allclose(made[0].semantic_logits, made[1].semantic_logits, atol=1e-12)
    relations = concatenated(*inputs.all)
    by_hand = fused.predictor.segment(torch.cat([inputs.stuff_feature, relations.pixels], dim=1))
    assert torch.allclose(made[0].semantic_logits, by_hand, atol=1e-12)


def test_fused_gradients_equal_those_of_the_concatenation(draw, build):
    inputs = draw(2, 3, dtype=torch.double)
    grads = []
    for fused in (True, False):
        module = build(GraphOptions(fused=fused), dtype=torch.double)
        logits = inputs.stuff_logits.clone().requires_grad_()
        varied = inputs.having(stuff_logits=logits)
        made = module.predict(varied.region_features, varied.stuff_feature, module(*varied.all)).semantic_logits
        made.square().sum().backward()
        grads.append([logits.grad, module.predictor.segment.weight.grad, module.region_in.weight.grad])
    for mine, other in zip(*grads, strict=True):
        assert mine.abs().sum() > 0
        assert torch.allclose(mine, other, atol=1e-10)


def test_reads_the_hosts_and_the_enhanced_features(draw, build):
    inputs, module = draw(2), build()
    relations = module(*inputs.all)
    rows = torch.cat([inputs.region_features, relations.region], dim=1)
    made = module.predict(inputs.region_features, inputs.stuff_feature, relations)
    assert torch.allclose(made.class_logits, module.predictor.classify(rows))
    assert torch.allclose(made.box_deltas, module.predictor.regress(rows))
    moved = replace(relations, region=relations.region + 1)
    other = module.predict(inputs.region_features, inputs.stuff_feature, moved)
    assert not torch.allclose(other.class_logits, made.class_logits)
    assert not torch.allclose(other.box_deltas, made.box_deltas)


@pytest.mark.parametrize("columns", [4, 12])
def test_box_columns(columns):
    assert RelationPredictor(7, 5, 3, 4, 8, columns).regress.out_features == columns


def test_other_box_columns():
    with pytest.raises(ValueError, match="box_columns: wanted 4 or 12 .4 a thing class., got 5"):
        RelationPredictor(7, 5, 3, 4, 8, 5)
