"""What each module hands to the loss that it wraps, on views made by hand."""

from dataclasses import replace

import pytest
import torch

from cqb_core import InputError
from cqb_net.auxiliaries import Cls2Box, Cls2Pixel, Relation


class Recorder:
    """A loss that keeps its arguments and answers ones."""

    def __init__(self, *names):
        self.names = names

    def __call__(self, *arguments, **named):
        self.arguments, self.named = arguments, named
        return dict.fromkeys(self.names, torch.ones(()))

    def with_counts(self, *arguments, **named):
        """Likewise, and counts 7, 8, ..."""
        return self(*arguments, **named), {name: 7 + place for place, name in enumerate(self.names)}


def test_cls2pixel_shows_boxes_padding_and_who_lacks_a_map(semantic, images, host):
    module = Cls2Pixel(host, beta=0.25, dropout=0.0, warm_up=5)
    module.criterion = Recorder("loss_pseudo", "loss_cls", "loss_energy", "loss_absent")
    losses = module.loss(semantic)
    assert losses == {name: (0.25, 7 + place) for place, name in enumerate(module.criterion.names)}
    logits, class_logits, maps, pixels, tags, step = module.criterion.arguments
    named = module.criterion.named
    assert torch.equal(logits, semantic.logits)
    assert torch.equal(class_logits, module.branch(semantic.feature, semantic.valid))
    assert torch.equal(maps, module.branch.maps(semantic.feature))
    assert torch.equal(pixels, semantic.pixels())
    assert torch.equal(tags, images[0].stuff_tags.repeat(3, 1))
    assert step == 0
    assert named["known"].flatten(1).sum(1).tolist() == [32, 0, 32]
    assert named["valid"].flatten(1).sum(1).tolist() == [12 * 16, 16 * 16, 16 * 16]
    assert named["unlabelled"].tolist() == [True, True, False]


def test_cls2pixel_takes_the_options_of_rule_and_energy(host):
    module = Cls2Pixel(host, rule={"top": 0.5, "crf": {"bilateral_xy": 20.0}}, energy={"xy": 30.0}, evidence="coupled")
    made = module.criterion
    assert (made.rule.top, made.rule.crf.bilateral_xy, made.rule.crf.iterations) == (0.5, 20.0, 10)
    assert (made.energy.xy, made.energy.rgb, made.evidence) == (30.0, 15.0, "coupled")


def test_cls2box_shows_the_regions_of_images_with_tags_and_no_boxes(stage, host):
    module = Cls2Box(host)
    module.criterion = Recorder("loss_cls2box")
    assert module.loss(stage) == {"loss_cls2box": (1, 1)}
    class_logits, proposal_logits, image, tags, detector_logits = module.criterion.arguments
    expected = module.head(stage.region[5:])
    assert torch.equal(class_logits, expected[0])
    assert torch.equal(proposal_logits, expected[1])
    assert image.tolist() == [0, 0]
    assert torch.equal(tags, stage.images[1].thing_tags[None])
    assert torch.equal(detector_logits, stage.class_logits[5:])
    assert torch.equal(module.criterion.named["boxes"], stage.boxes[5:])


@pytest.fixture
def relation(host):
    torch.manual_seed(0)
    return Relation(host, node_dim=8).eval()


def test_relations_do_not_see_the_padding(relation, stage, semantic):
    outside = ~semantic.valid[:, None]
    spoiled = replace(
        semantic,
        feature=semantic.feature.masked_fill(outside, 9.0),
        logits=semantic.logits.masked_fill(outside, 9.0),
        shared={},
    )
    clean, other = (relation.enhance(replace(stage, semantic=view)) for view in (semantic, spoiled))
    torch.testing.assert_close(clean.class_logits, other.class_logits)


def test_what_the_stages_share_belongs_to_the_images_that_it_was_made_of(relation, stage, semantic):
    fresh = relation.enhance(replace(stage, semantic=replace(semantic, shared={})))
    losses = relation.loss(stage)  # of the first and the last image
    assert all(float(value) > 0 for value, _ in losses.values())
    # Two and three RoIs, and the 16 cells of the one map.
    assert {name: int(count) for name, (_, count) in losses.items()} == {
        "loss_cls": 5,
        "loss_bbox": 5,
        "loss_seg": 16,
    }
    (made,) = semantic.shared.values()
    assert len(made) == 2
    torch.testing.assert_close(relation.enhance(stage).class_logits, fresh.class_logits)
    count = len(semantic.shared)
    relation.enhance(stage)
    assert len(semantic.shared) == count


def test_the_network_gets_the_share_of_the_gradient_that_is_asked_for(stage, semantic, host):
    """At the same losses, and the module itself learns as before."""
    made = {}
    for share in (1.0, 0.25, 0.0):
        torch.manual_seed(0)
        module = Relation(host, teaches_host=share, node_dim=8).eval()
        region, feature = stage.region.clone().requires_grad_(), semantic.feature.clone().requires_grad_()
        view = replace(stage, region=region, semantic=replace(semantic, feature=feature, shared={}))
        total = sum(loss.value for loss in module.loss(view).values())
        weight = module.reasoning.predictor.classify.weight
        made[share] = total.detach(), *torch.autograd.grad(total, [weight, region, feature], materialize_grads=True)
    for share in (0.25, 0.0):
        torch.testing.assert_close(made[share][:2], made[1.0][:2])
        torch.testing.assert_close(made[share][2:], tuple(share * grad for grad in made[1.0][2:]))
    assert all(grad.any() for grad in made[1.0][1:])


def test_the_streams_of_tags_teach_the_features_by_the_share_that_is_asked_for_and_refinement_the_detector(stage, host):
    made = {}
    for share in (1.0, 0.25, 0.0):
        torch.manual_seed(0)
        module = Cls2Box(host, teaches_host=share, refine=1.0, detach_detector=True)
        region, logits = stage.region.clone().requires_grad_(), stage.class_logits.clone().requires_grad_()
        losses = module.loss(replace(stage, region=region, class_logits=logits))
        total = sum(loss.value for loss in losses.values())
        weights = [*module.parameters(), logits]
        made[share] = *torch.autograd.grad(total, [*weights, region], materialize_grads=True), total.detach()
    for share in (0.25, 0.0):
        torch.testing.assert_close(made[share][:-2], made[1.0][:-2])
        torch.testing.assert_close(made[share][-2:], (share * made[1.0][-2], made[1.0][-1]))
    assert all(grad.any() for grad in made[1.0])


def test_the_branch_of_tags_teaches_the_semantic_feature_by_the_share_that_is_asked_for(semantic, host):
    made = {}
    for share in (1.0, 0.25, 0.0):
        torch.manual_seed(0)
        module = Cls2Pixel(host, teaches_host=share, absent_weight=1.0, warm_up=0)
        feature, logits = semantic.feature.clone().requires_grad_(), semantic.logits.clone().requires_grad_()
        losses = module.loss(replace(semantic, feature=feature, logits=logits))
        total = sum(loss.value for loss in losses.values())
        learnt = [*module.parameters(), logits]
        made[share] = *torch.autograd.grad(total, [*learnt, feature], materialize_grads=True), total.detach()
    for share in (0.25, 0.0):
        torch.testing.assert_close(made[share][:-2], made[1.0][:-2])
        torch.testing.assert_close(made[share][-2:], (share * made[1.0][-2], made[1.0][-1]))
    assert all(grad.any() for grad in made[1.0])


@pytest.mark.parametrize("module", [Cls2Box, Cls2Pixel, Relation])
def test_a_share_of_the_gradient_that_is_none(module, host):
    with pytest.raises(InputError, match=r"teaches_host: wanted a share from 0 to 1, got 2"):
        module(host, teaches_host=2.0)


def test_losses_judge_what_is_averaged_at_test(stage, semantic, host):
    """The network's part is counted and gets no gradient, and the module is what is trained."""
    torch.manual_seed(0)
    module = Relation(host, judges="average", teaches_host=0.0, node_dim=8).eval()
    logits = stage.class_logits.clone().requires_grad_()
    losses = module.loss(replace(stage, class_logits=logits))
    said = module.enhance(stage)
    rows = [0, 1, 2, 3, 4]  # of the two images with boxes
    average = (stage.class_logits[rows] + said.class_logits[rows]) / 2
    torch.testing.assert_close(
        losses["loss_cls"].value, torch.nn.functional.cross_entropy(average, stage.class_targets[rows])
    )
    maps = ((semantic.logits + said.semantic_logits) / 2)[2:]
    labels = torch.full((1, 4, 4), 2)  # class 0 is a thing, which the last channel stands for
    torch.testing.assert_close(
        losses["loss_seg"].value, 0.5 * torch.nn.functional.cross_entropy(maps, labels), rtol=1e-4, atol=1e-5
    )
    total = sum(loss.value for loss in losses.values())
    own, classify = torch.autograd.grad(
        total, [logits, module.reasoning.predictor.classify.weight], materialize_grads=True
    )
    assert not own.any()
    assert classify.any()


def test_what_losses_judge_is_one_of_two(host):
    with pytest.raises(InputError, match=r"judges: wanted one of alone, average, got both"):
        Relation(host, judges="both")
