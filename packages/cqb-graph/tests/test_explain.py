import pytest
import torch

from cqb_graph import Edges, Relations, ablate, class_centers, explain
from cqb_graph.nodes import Layout

THINGS, STUFF = ("cat", "dog", "cup"), ("sky", "sea", "sand", "road")


def test_edges_of_two_regions_and_two_classes_by_hand():
    # Image 1 holds regions 1 (a cat) and 2 (half cat, half dog); rows and columns: two places, then two classes.
    flow = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.5, 0.1], [0.6, 0.3, 0.1, 0.0], [0.0, 0.4, 0.3, 0.3]])
    edges = Edges((torch.stack([torch.eye(4), flow]),), Layout.of(torch.tensor([0, 1, 1]), 2))
    relations = Relations(torch.zeros(3, 8), torch.zeros(2, 2, 8), torch.zeros(2, 2, 1, 1), edges)
    low = -torch.inf
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, low, low], [0.0, 0.0, low]])
    made = explain(relations, logits, ("cat", "dog"), ("sky", "sea"), image=1)
    to_things, to_stuff = made.stuff_to_things, made.things_to_stuff
    assert torch.allclose(to_things.support, torch.tensor([1.5, 0.5]))
    cat = (torch.tensor([0.3, 0.4]) + torch.tensor([0.5, 0.1]) / 2) / 1.5
    assert torch.allclose(to_things.values, torch.stack([cat, torch.tensor([0.5, 0.1])]))
    assert torch.allclose(to_stuff.values, torch.tensor([[0.6 + 0.15, 0.15], [0.2, 0.2]]))
    assert (to_things.rows, to_things.columns, to_stuff.rows) == (("cat", "dog"), ("sky", "sea"), ("sky", "sea"))


def test_shares_sum_to_at_most_one(draw, build):
    inputs, module = draw(3, 0, 2), build()
    relations = module(*inputs.all, edges=True)
    logits = module.predict(inputs.region_features, inputs.stuff_feature, relations).class_logits
    for image in range(3):
        made = explain(relations, logits, THINGS, STUFF, image)
        assert (made.stuff_to_things.values >= 0).all()
        assert (made.stuff_to_things.values.sum(1) < 1).all()
        assert made.things_to_stuff.values.shape == (4, 3)
    empty = explain(relations, logits, THINGS, STUFF, 1)
    assert (empty.stuff_to_things.support == 0).all()
    assert (empty.stuff_to_things.values == 0).all()
    assert (empty.things_to_stuff.values == 0).all()


def test_edges_are_kept_only_when_asked_for_and_change_nothing(draw, build):
    inputs, module = draw(2, 1), build()
    plain, recorded = module(*inputs.all), module(*inputs.all, edges=True)
    assert plain.edges is None
    assert torch.equal(plain.region, recorded.region)
    assert len(recorded.edges.layers) == 3


def test_ablation_is_the_logit_with_all_classes_minus_that_without_one(draw, build):
    inputs, module = draw(2, 1), build()
    table = ablate(module, *inputs.all, things=THINGS, stuff=STUFF)
    centers = class_centers(inputs.stuff_feature, inputs.stuff_logits)

    def logits(without):
        relations = module(*inputs.all, centers=centers, without=without)
        made = module.predict(inputs.region_features, inputs.stuff_feature, relations).class_logits
        return made - made.mean(1, keepdim=True)

    without = torch.zeros(2, 4, dtype=torch.bool)
    whole = logits(without)
    without[:, 2] = True
    share, fall = whole.softmax(1)[:, 1], (whole - logits(without))[:, 1]
    assert table.values[1, 2].item() == pytest.approx(((share * fall).sum() / share.sum()).item(), rel=1e-4)
    assert table.values.abs().sum() > 0


def test_a_module_that_is_cut_has_no_effects(draw, build):
    assert (ablate(build(layers=0), *draw(2).all, things=THINGS, stuff=STUFF).values == 0).all()


def test_messages(draw, build):
    inputs, module = draw(2), build()
    relations, logits = module(*inputs.all, edges=True), torch.zeros(2, 4)
    with pytest.raises(ValueError, match="relations: wanted those of a pass with edges=True, got none"):
        explain(module(*inputs.all), logits, THINGS, STUFF)
    with pytest.raises(ValueError, match="things: wanted 3 names, got 2"):
        explain(relations, logits, THINGS[:2], STUFF)
    with pytest.raises(ValueError, match="stuff: wanted 4 names, got 3"):
        ablate(module, *inputs.all, things=THINGS, stuff=STUFF[:3])
    with pytest.raises(ValueError, match="image: wanted 0 to 0, got 1"):
        explain(relations, logits, THINGS, STUFF, image=1)
