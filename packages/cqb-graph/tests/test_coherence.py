"""A thing that its own pixels leave open and its surroundings decide, and the other way round, on drawn data."""

import pytest
import torch
import torch.nn.functional as F

from cqb_graph import RelationReasoning, class_loss, explain, semantic_loss
from cqb_graph.loss import UNLABELLED_PIXEL

FAITHFUL, CHANCE = 0.9, 0.5
OPTIMUM = FAITHFUL + (1 - FAITHFUL) / 2


def fit(draw, seed, layers=2, steps=200):
    """Accuracy on fresh images of a module trained from scratch, and the module."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    module = RelationReasoning(12, 8, 8, 4, node_dim=32, layers=layers)
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        inputs, classes = draw(generator, 32)
        relations = module(*inputs.all)
        class_loss(
            module.predict(inputs.region_features, inputs.stuff_feature, relations).class_logits, classes
        ).backward()
        optimiser.step()
    module.eval()
    inputs, classes = draw(generator, 300)
    with torch.no_grad():
        made = module.predict(inputs.region_features, inputs.stuff_feature, module(*inputs.all)).class_logits
    return (made.argmax(dim=1) == classes).float().mean().item(), module


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_surroundings_lift_accuracy_from_chance_to_near_the_optimum(planted, seed):
    accuracy, _ = fit(planted, seed)
    assert OPTIMUM - 0.03 < accuracy < OPTIMUM + 0.03


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_surroundings_do_not(planted, seed):
    def shuffled(generator, count):
        return planted(generator, count, shuffled=True)

    assert fit(shuffled, seed)[0] < CHANCE + 0.05


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nor_does_a_module_that_is_cut(planted, seed):
    assert fit(planted, seed, layers=0)[0] < CHANCE + 0.05


def reverse(generator, count, shuffled=False):
    """Images in which two stuff classes look alike, and the things on them decide which of the two it is."""
    kind = torch.randint(2, (count,), generator=generator)
    told = torch.randint(2, (count,), generator=generator) if shuffled else kind
    index = torch.arange(count).repeat_interleave(3)
    features = F.one_hot(told[index], 12).float()
    features = features + 0.2 * torch.randn(len(index), 12, generator=generator)
    looks = torch.randint(2, (count, 4, 4), generator=generator)
    surroundings = 2 * torch.eye(8)[looks].permute(0, 3, 1, 2) + 0.3 * torch.randn(count, 8, 4, 4, generator=generator)
    logits = torch.stack([looks == 0, looks == 0, looks == 1, looks == 1], dim=1).float() * 3
    target = 2 * looks + kind[:, None, None]
    target[:, 0] = UNLABELLED_PIXEL
    return (features, index, surroundings, logits), target


@pytest.mark.parametrize("shuffled", [False, True])
def test_things_decide_between_stuff_that_looks_alike(shuffled):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    module = RelationReasoning(12, 8, 8, 4, node_dim=32)
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        inputs, target = reverse(generator, 32, shuffled)
        semantic_loss(module.predict(inputs[0], inputs[2], module(*inputs)).semantic_logits, target).backward()
        optimiser.step()
    module.eval()
    inputs, target = reverse(generator, 200, shuffled)
    made = module.predict(inputs[0], inputs[2], module(*inputs)).semantic_logits.argmax(dim=1)
    accuracy = (made == target)[:, 1:].float().mean().item()
    assert accuracy < CHANCE + 0.06 if shuffled else accuracy > 0.97


def test_the_nodes_that_decide_show_in_the_explanation(planted):
    _, module = fit(planted, 0)
    inputs, classes = planted(torch.Generator().manual_seed(9), 1)
    relations = module(*inputs.all, edges=True)
    made = module.predict(inputs.region_features, inputs.stuff_feature, relations).class_logits
    tables = explain(relations, made, [f"thing {i}" for i in range(8)], [f"stuff {i}" for i in range(4)])
    held = tables.stuff_to_things.of_support(0.5)
    assert {f"thing {int(c)}" for c in classes} & set(held.rows)
    assert (held.values.sum(dim=1) > 0.05).all()
