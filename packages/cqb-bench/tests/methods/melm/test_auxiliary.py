"""Discovery and localisation by hand, who is asked, and what tags alone teach."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from cqb_bench.methods.melm.auxiliary import MELM
from cqb_bench.tagged import TaggedRegions
from cqb_core import Labels
from cqb_core.testing import losses_of, mixed_batch


def learnt(bags, tags, steps=60):
    """The share of tags that the localisation branches find after tags alone have taught all of it."""
    torch.manual_seed(0)
    module = MELM(bags.host)
    optimizer = torch.optim.Adam(module.parameters(), 0.1)
    view = bags.view(torch.zeros(len(bags.region), bags.num_things + 1), tags)
    for _ in range(steps):
        optimizer.zero_grad()
        sum(module.loss(view).values()).backward()
        optimizer.step()
    return bags.found(module.enhance(view).class_logits.softmax(1)[:, :-1])


def test_tags_alone_teach_where_a_class_is(bags):
    """In some draws discovery puts one class of four in a wrong place, at no loss, and the branches learn that."""
    draws = [bags, *(type(bags)(seed=seed) for seed in (1, 2))]
    assert sum(learnt(drawn, drawn.tags) for drawn in draws) / 3 > 0.75 > bags.chance + 0.5
    assert learnt(bags, bags.shuffled()) < 0.5


@pytest.fixture
def even(bags):
    """A module whose every score is even."""
    module = MELM(bags.host)
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def test_losses_by_hand(bags, even):
    """Of 12 regions two pairs overlap: 10 cliques, each with 1/4 x 1/10 of every class, so a class scores 1/4.

    A branch is even over 5 classes, whatever a region's label is.
    """
    losses = even.loss(bags.view(torch.zeros(len(bags.region), 5)))
    discovery = (2 * math.log(4) - 2 * math.log(3 / 4)) / 4
    assert losses["loss_discovery"].item() == pytest.approx(discovery, rel=1e-4)
    assert losses["loss_localisation"].item() == pytest.approx(0.1 * 2 * math.log(5), rel=1e-4)
    assert losses["loss_boxes"] == 0


def test_what_a_region_is_labelled_by_the_best_one(bags):
    """The best one overlaps itself by 1 and the next by 0.7, 0.5, 0.3 and 0; then an image with no region nearby."""
    best, sides = [0.0, 0, 10, 10], (10, 7, 5, 3)
    boxes = torch.tensor([*([0.0, 0, 10, side] for side in sides), [50, 50, 60, 60], best, [50, 50, 60, 60], best])
    image = torch.tensor([0, 0, 0, 0, 0, 1, 1, 2])
    tags = torch.tensor([[False, True, False, False], [True, False, False, False], [False] * 4])
    scores = torch.zeros(8, 4)
    scores[[0, 5]] = 1.0
    labels = MELM(bags.host)._labels(scores, boxes, TaggedRegions(torch.arange(8), image, tags))
    assert labels.tolist() == [1, 1, -100, 4, -100, 0, 4, -100]


def test_regions_of_boxed_images_teach_the_branches_their_own_classes(bags, even):
    view = bags.view(torch.zeros(len(bags.region), 5))
    boxed = [replace(image, owned=Labels.PANOPTIC) for image in view.images]
    losses = even.loss(replace(view, images=boxed, class_targets=bags.shown))
    assert losses["loss_boxes"].item() == pytest.approx(0.1 * 2 * math.log(5), rel=1e-4)
    assert losses["loss_discovery"] == losses["loss_localisation"] == 0


def test_the_branches_are_averaged_at_test(bags, even):
    nn.init.ones_(even.branches[0].bias)
    view = bags.view(torch.zeros(len(bags.region), 5))
    assert even.enhance(view).class_logits.unique().tolist() == [0.5]


def test_every_parameter_learns_from_tags_and_other_images_add_no_discovery(network, scenes, tmp_path):
    built = network({"type": "MELM"})
    alone = losses_of(built, mixed_batch(scenes, ["I"], tmp_path / "alone.json"))
    terms = ("loss_discovery", "loss_localisation", "loss_boxes")
    assert {name for name in alone if "melm" in name} == {f"s{s}.melm.{term}" for s in range(3) for term in terms}
    sum(value for name, value in alone.items() if "melm" in name).backward()
    for stage in built.roi_head.auxiliaries:
        assert all(parameter.grad.abs().sum() > 0 for parameter in stage.parameters())
    beside = losses_of(built, mixed_batch(scenes, ["I", "P", "B", "S"], tmp_path / "beside.json"))
    others = losses_of(built, mixed_batch(scenes, ["P", "B", "M", "S"], tmp_path / "others.json"))
    for stage in range(3):
        discovery, localisation, boxes = (f"s{stage}.melm.{term}" for term in terms)
        torch.testing.assert_close(beside[discovery], alone[discovery], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(beside[localisation], alone[localisation], rtol=1e-3, atol=1e-4)
        assert others[discovery] == others[localisation] == alone[boxes] == 0
        assert others[boxes] > 0


@pytest.mark.parametrize(("options", "message"), [
    ({"clique_iou": 1.2}, "clique_iou: wanted a number from 0 to 1, got 1.2"),
    ({"foreground_iou": -1.0}, "foreground_iou: wanted a number from 0 to 1, got -1.0"),
    ({"top": 0}, "top: wanted 1 or more, got 0"),
    ({"reduction": "max"}, "reduction: wanted one of mean, sum, got 'max'"),
])  # fmt: skip
def test_wrong_options_are_named(bags, options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        MELM(bags.host, **options)
