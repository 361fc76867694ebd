"""Two streams by hand, who is asked, and what tags alone teach."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from cqb_bench.methods.wsddn.auxiliary import WSDDN
from cqb_core import Labels
from cqb_core.models import ImageLabels
from cqb_core.testing import losses_of, mixed_batch
from cqb_weak.cls2box import mid_scores


def learnt(bags, tags, steps=40):
    """The share of tags that are found after tags alone have taught a classifier and the proposal stream."""
    torch.manual_seed(0)
    detector, module = nn.Linear(bags.dim, bags.num_things + 1), WSDDN(bags.host)
    nn.init.normal_(detector.weight, std=0.01)  # even scores at the start, as a detector's classifier has
    nn.init.zeros_(detector.bias)
    optimizer = torch.optim.Adam([*detector.parameters(), *module.parameters()], 0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        module.loss(bags.view(detector(bags.region), tags))["loss_tags"].backward()
        optimizer.step()
    classes = detector(bags.region)
    phi = mid_scores(classes[:, :-1], module.proposals(bags.region), bags.image, len(bags.tags))
    return bags.found(phi), bags.found(classes.softmax(1)[:, :-1])


def test_tags_alone_teach_where_a_class_is_and_what_the_detector_says(bags):
    streams, detector = learnt(bags, bags.tags)
    assert streams > 0.9 > bags.chance + 0.5
    assert detector > bags.chance + 0.5
    assert learnt(bags, bags.shuffled())[0] < 0.5


@pytest.fixture
def two(bags):
    """One image with two regions and the first tag."""
    view = bags.view(torch.zeros(len(bags.region), bags.num_things + 1))
    tags = torch.tensor([True, False, False, False])
    return replace(
        view,
        images=[ImageLabels(0, Labels.IMAGE, (9, 9), thing_tags=tags)],
        image_index=torch.zeros(2, dtype=torch.long),
        boxes=view.boxes[:2],
        feature=view.feature[:2],
        region=view.region[:2],
        class_logits=torch.tensor([[0.0, 0, 0, 0, 9], [math.log(9), 0, 0, 0, 9]]),
        box_deltas=view.box_deltas[:2],
        class_targets=view.class_targets[:2],
        box_targets=view.box_targets[:2],
        matched=view.matched[:2],
    )


def test_scores_by_hand(bags, two):
    """Even over proposals: the tag scores (1/4 + 9/12) / 2 = 1/2, each other class (1/4 + 1/12) / 2 = 1/6."""
    module = WSDDN(bags.host)
    nn.init.zeros_(module.proposals.weight)
    value = module.loss(two)["loss_tags"].item()
    assert value == pytest.approx((math.log(2) - 3 * math.log(5 / 6)) / 4, rel=1e-5)
    summed = WSDDN(bags.host, reduction="sum")
    nn.init.zeros_(summed.proposals.weight)
    assert summed.loss(two)["loss_tags"].item() == pytest.approx(4 * value, rel=1e-5)


def test_a_class_stream_of_its_own_leaves_the_detector_alone(bags, two):
    module = WSDDN(bags.host, class_stream="own")
    logits = two.class_logits.clone().requires_grad_()
    module.loss(replace(two, class_logits=logits))["loss_tags"].backward()
    assert logits.grad is None
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_every_parameter_learns_from_tags_and_other_images_add_nothing(network, scenes, tmp_path):
    built = network({"type": "WSDDN"})
    built.full_share = 0.0  # the same weight whatever the batch holds
    alone = losses_of(built, mixed_batch(scenes, ["I"], tmp_path / "alone.json"))
    taught = {name: value for name, value in alone.items() if "wsddn" in name}
    assert set(taught) == {f"s{stage}.wsddn.loss_tags" for stage in range(3)}
    sum(taught.values()).backward()
    for stage in range(3):
        modules = (built.roi_head.auxiliaries[stage], built.roi_head.bbox_head[stage].fc_cls)
        assert all(parameter.grad.abs().sum() > 0 for module in modules for parameter in module.parameters())
    beside = losses_of(built, mixed_batch(scenes, ["I", "P", "B", "S"], tmp_path / "beside.json"))
    for name, value in taught.items():
        torch.testing.assert_close(beside[name], value, rtol=1e-3, atol=1e-4)
    others = losses_of(built, mixed_batch(scenes, ["P", "B", "M", "S"], tmp_path / "others.json"))
    assert all(others[name] == 0 for name in taught)


@pytest.mark.parametrize(("options", "message"), [
    ({"class_stream": "both"}, "class_stream: wanted one of detector, own, got 'both'"),
    ({"reduction": "max"}, "reduction: wanted one of sum, mean, got 'max'"),
    ({"temperature": 0.0}, "temperature: wanted a number from 0.001 to 1000.0, got 0.0"),
])  # fmt: skip
def test_wrong_options_are_named(bags, options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        WSDDN(bags.host, **options)
