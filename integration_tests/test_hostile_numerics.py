"""Steps of CQB-Net on what training meets once in a million images: finite, or a stop that says where.

The network has its four modules and is in training mode, on a processor, in float32 and under bfloat16 autocast.
"""

import math
from types import SimpleNamespace

import pytest
import torch

from cqb_core.testing import drawn, losses_of, mixed_batch, tiny_network
from cqb_core.training.finite_loss import FiniteLossHook, NonFiniteLossError

MODULES = [{"type": "Cls2Box"}, {"type": "Box2Mask"}, {"type": "Relation"}, {"type": "Cls2Pixel", "warm_up": 0}]
MIXED = ("P", "B", "I", "S")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("numerics"), train=4, val=0, crowd=0.4)


@pytest.fixture
def batch(pictures, tmp_path):
    """A function from label sets to a collated batch of as many drawn images."""
    return lambda *names: mixed_batch(pictures, names, tmp_path / "labels.json")


@pytest.fixture(scope="module")
def built():
    network = tiny_network("cqb-net_tiny_scenes", auxiliaries=MODULES)
    return network, {name: value.clone() for name, value in network.state_dict().items()}


@pytest.fixture
def network(built):
    """The network with the weights that it was born with."""
    made, weights = built
    made.load_state_dict(weights)
    made.zero_grad(set_to_none=True)
    return made


def step(network, batch, autocast=False):
    """Losses after one forward and backward pass, all of them and every gradient finite."""
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        losses = losses_of(network, batch)
    total = sum(value for name, value in losses.items() if "loss" in name)
    broken = {name: float(value) for name, value in losses.items() if not math.isfinite(float(value))}
    assert not broken
    total.backward()
    wrong = [name for name, p in network.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]
    assert not wrong
    return {name: float(value) for name, value in losses.items()}


def stopped(network, batch):
    """What a training says of a step that is not finite: the loss that looked at its input, or the hook after it."""
    try:
        losses = losses_of(network, batch)
    except ValueError as error:
        return str(error)
    with pytest.raises(NonFiniteLossError) as caught:
        FiniteLossHook().after_train_iter(SimpleNamespace(iter=0), 0, batch, losses)
    return str(caught.value)


def scaled(network, factor, *words):
    """Multiply the weights of the layers whose names have one of the words."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if any(word in name for word in words):
                weight.mul_(factor)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("names", [MIXED, ("P",), ("B",), ("I",), ("S",), ("M", "B+S")])
def test_a_step_on_any_labels(network, batch, names, autocast):
    step(network, batch(*names), autocast)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("words", [("fc_cls", "fc_reg"), ("conv_logits",), ("auxiliaries",), ("rpn_head",)])
def test_extreme_logits(network, batch, words, autocast):
    scaled(network, 1e4, *words)
    step(network, batch(*MIXED), autocast)


def emptied(sample):
    """No thing, nothing known of any pixel, no tag."""
    sample.gt_instances = sample.gt_instances[:0]
    if "ignored_instances" in sample:
        sample.ignored_instances = sample.ignored_instances[:0]
    if "gt_sem_seg" in sample:
        sample.gt_sem_seg.sem_seg.fill_(255)
    for tags in ("thing_tags", "stuff_tags"):
        if tags in sample:
            sample.get(tags).fill_(False)


def doubled(sample):
    """Every box twenty times."""
    found = sample.gt_instances
    sample.gt_instances = found[torch.arange(len(found)).repeat(20)]


def flattened(sample):
    """Boxes that clipping has left without an area, and one beside the image."""
    for place, box in enumerate(sample.gt_instances.bboxes.tensor):
        x, y = 3.0 * place, 64.0
        box.copy_(torch.tensor([x, y, x, y] if place % 2 else [x, 10.0, x, 20.0]))


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("change", [emptied, doubled])
@pytest.mark.parametrize("names", [MIXED, ("P",)])
def test_images_with_nothing_and_boxes_on_top_of_each_other(network, batch, names, change, autocast):
    made = batch(*names)
    for sample in made["data_samples"]:
        if change is emptied or len(sample.get("gt_instances", ())):
            change(sample)
    step(network, made, autocast)


@pytest.mark.parametrize(("names", "said"), [(("P",), "loss_bbox=nan"), (("B",), "wanted finite")])
def test_boxes_without_an_area_stop_the_step(network, batch, names, said):
    """The reader refuses such boxes, see `cqb_core.data.panoptic_faults.LEAST_SIDE`; these come from elsewhere."""
    made = batch(*names)
    for sample in made["data_samples"]:
        flattened(sample)
    message = stopped(network, made)
    assert "wanted" in message or "on images 1" in message
    assert said in message or "area" in message


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("word", ["fc_cls", "fc_reg", "conv_logits", "branch", "reasoning"])
def test_weights_that_are_no_numbers_stop_the_step(network, batch, word, value):
    meant = [weight for name, weight in network.named_parameters() if word in name and name.endswith("weight")]
    assert meant
    with torch.no_grad():
        for weight in meant:
            weight.view(-1)[0] = value
    said = stopped(network, batch(*MIXED))
    assert "wanted finite" in said or ("not finite" in said and "on images 1, 2, 3, 4" in said)


def test_pictures_of_one_pixel_value(network, batch):
    """No contrast anywhere: every affinity is 1 and every normalisation divides by nothing."""
    made = batch(*MIXED)
    for picture in made["inputs"]:
        picture.fill_(255)
    step(network, made)
