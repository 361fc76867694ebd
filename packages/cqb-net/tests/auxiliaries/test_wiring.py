"""What each module hands to the loss that it wraps, on views made by hand."""

from dataclasses import replace

import pytest
import torch

from cqb_core import InputError, Labels
from cqb_core.models import UNSAMPLED, Host, ImageLabels, SemanticView, StageView
from cqb_net.auxiliaries import Cls2Box, Cls2Pixel, Relation

HOST = Host(
    num_things=3,
    num_stuff=2,
    region_channels=1,
    region_size=7,
    region_dim=6,
    box_columns=4,
    semantic_dim=5,
    num_stages=3,
)
TAGS = {"thing_tags": torch.tensor([True, False, True]), "stuff_tags": torch.tensor([False, True])}
BOXES = {"boxes": torch.tensor([[0.0, 0, 4, 8]]), "classes": torch.tensor([2])}


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


def seeded(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture
def images():
    """Tags and a box, boxes only, all labels; the first was padded from 12 rows to 16."""
    maps = torch.zeros(16, 16, dtype=torch.uint8)
    return [
        ImageLabels(1, Labels.IMAGE | Labels.BOX, (12, 16), **TAGS, **BOXES),
        ImageLabels(2, Labels.IMAGE, (16, 16), **TAGS),
        ImageLabels(3, Labels.PANOPTIC, (16, 16), **TAGS, **BOXES, semantic=maps),
    ]


@pytest.fixture
def semantic(images):
    valid = torch.ones(3, 4, 4, dtype=torch.bool)
    valid[0, 3] = False
    pixels = seeded(3, 3, 16, 16)
    return SemanticView([0, 1, 2], images, seeded(3, 5, 4, 4), seeded(3, 3, 4, 4), valid, lambda: pixels)


@pytest.fixture
def stage(images, semantic):
    count = 7
    return StageView(
        stage=0,
        images=images,
        image_index=torch.tensor([0, 0, 2, 2, 2, 1, 1]),
        boxes=torch.tensor([[0.0, 0, 8, 8]]).repeat(count, 1) + torch.arange(count)[:, None] / 10,
        feature=seeded(count, 1, 7, 7),
        region=seeded(count, 6),
        class_logits=seeded(count, 4),
        box_deltas=seeded(count, 4),
        class_targets=torch.tensor([2, 3, 2, 3, 3, UNSAMPLED, UNSAMPLED]),
        box_targets=seeded(count, 4),
        matched=torch.tensor([0, -1, 0, -1, -1, -1, -1]),
        mask_logits=lambda rows, frames=None: seeded(len(rows), 3, 28, 28),
        semantic=semantic,
    )


def test_cls2pixel_shows_boxes_padding_and_who_lacks_a_map(semantic, images):
    module = Cls2Pixel(HOST, beta=0.25, dropout=0.0, warm_up=5)
    module.criterion = Recorder("loss_pseudo", "loss_cls", "loss_energy", "loss_absent")
    losses = module.loss(semantic)
    assert losses == {name: (0.25, 7 + place) for place, name in enumerate(module.criterion.names)}
    logits, class_logits, maps, pixels, tags, step = module.criterion.arguments
    named = module.criterion.named
    assert torch.equal(logits, semantic.logits)
    assert torch.equal(class_logits, module.branch(semantic.feature, semantic.valid))
    assert torch.equal(maps, module.branch.maps(semantic.feature))
    assert torch.equal(pixels, semantic.pixels())
    assert torch.equal(tags, TAGS["stuff_tags"].repeat(3, 1))
    assert step == 0
    assert named["known"].flatten(1).sum(1).tolist() == [32, 0, 32]
    assert named["valid"].flatten(1).sum(1).tolist() == [12 * 16, 16 * 16, 16 * 16]
    assert named["unlabelled"].tolist() == [True, True, False]


def test_cls2pixel_takes_the_options_of_rule_and_energy():
    module = Cls2Pixel(HOST, rule={"top": 0.5, "crf": {"bilateral_xy": 20.0}}, energy={"xy": 30.0}, evidence="coupled")
    made = module.criterion
    assert (made.rule.top, made.rule.crf.bilateral_xy, made.rule.crf.iterations) == (0.5, 20.0, 10)
    assert (made.energy.xy, made.energy.rgb, made.evidence) == (30.0, 15.0, "coupled")


def test_cls2box_shows_the_regions_of_images_with_tags_and_no_boxes(stage):
    module = Cls2Box(HOST)
    module.criterion = Recorder("loss_cls2box")
    assert module.loss(stage) == {"loss_cls2box": (1, 1)}
    class_logits, proposal_logits, image, tags, detector_logits = module.criterion.arguments
    expected = module.head(stage.region[5:])
    assert torch.equal(class_logits, expected[0])
    assert torch.equal(proposal_logits, expected[1])
    assert image.tolist() == [0, 0]
    assert torch.equal(tags, TAGS["thing_tags"][None])
    assert torch.equal(detector_logits, stage.class_logits[5:])
    assert torch.equal(module.criterion.named["boxes"], stage.boxes[5:])


@pytest.fixture
def relation():
    torch.manual_seed(0)
    return Relation(HOST, node_dim=8).eval()


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


def test_the_network_gets_the_share_of_the_gradient_that_is_asked_for(stage, semantic):
    """At the same losses, and the module itself learns as before."""
    made = {}
    for share in (1.0, 0.25, 0.0):
        torch.manual_seed(0)
        module = Relation(HOST, teaches_host=share, node_dim=8).eval()
        region, feature = stage.region.clone().requires_grad_(), semantic.feature.clone().requires_grad_()
        view = replace(stage, region=region, semantic=replace(semantic, feature=feature, shared={}))
        total = sum(loss.value for loss in module.loss(view).values())
        weight = module.reasoning.predictor.classify.weight
        made[share] = total.detach(), *torch.autograd.grad(total, [weight, region, feature], materialize_grads=True)
    for share in (0.25, 0.0):
        torch.testing.assert_close(made[share][:2], made[1.0][:2])
        torch.testing.assert_close(made[share][2:], tuple(share * grad for grad in made[1.0][2:]))
    assert all(grad.any() for grad in made[1.0][1:])


def test_the_streams_of_tags_teach_the_features_by_the_share_that_is_asked_for_and_refinement_the_detector(stage):
    made = {}
    for share in (1.0, 0.25, 0.0):
        torch.manual_seed(0)
        module = Cls2Box(HOST, teaches_host=share, refine=1.0, detach_detector=True)
        region, logits = stage.region.clone().requires_grad_(), stage.class_logits.clone().requires_grad_()
        losses = module.loss(replace(stage, region=region, class_logits=logits))
        total = sum(loss.value for loss in losses.values())
        weights = [*module.parameters(), logits]
        made[share] = *torch.autograd.grad(total, [*weights, region], materialize_grads=True), total.detach()
    for share in (0.25, 0.0):
        torch.testing.assert_close(made[share][:-2], made[1.0][:-2])
        torch.testing.assert_close(made[share][-2:], (share * made[1.0][-2], made[1.0][-1]))
    assert all(grad.any() for grad in made[1.0])


@pytest.mark.parametrize("module", [Cls2Box, Relation])
def test_a_share_of_the_gradient_that_is_none(module):
    with pytest.raises(InputError, match=r"teaches_host: wanted a share from 0 to 1, got 2"):
        module(HOST, teaches_host=2.0)
