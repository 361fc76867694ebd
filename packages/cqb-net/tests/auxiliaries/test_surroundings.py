"""What is seen around a region, on maps where it can be counted."""

from dataclasses import replace

import pytest
import torch

from cqb_core import InputError
from cqb_net.auxiliaries import Relation
from cqb_net.auxiliaries.surroundings import surroundings

SURE = 30.0


@pytest.fixture
def halves():
    """Two maps of 16 x 16 cells, 64 x 64 pixels: class 0 left of the middle and 1 right of it; class 2 all over."""
    logits = torch.zeros(2, 3, 16, 16)
    logits[0, 0, :, :8] = logits[0, 1, :, 8:] = logits[1, 2] = SURE
    return logits, torch.ones(2, 16, 16, dtype=torch.bool)


def test_the_shares_are_those_of_the_frame(halves):
    boxes = torch.tensor([[4.0, 20, 20, 44], [20, 20, 44, 44], [28, 20, 52, 44], [4, 4, 60, 60]])
    found = surroundings(*halves, boxes, torch.tensor([0, 0, 0, 1]), 1.0)
    expected = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [1 / 6, 5 / 6, 0], [0, 0, 1]])
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_a_wider_frame_sees_what_is_beside_the_box(halves):
    box, image = torch.tensor([[8.0, 24, 24, 40]]), torch.tensor([0])
    assert [surroundings(*halves, box, image, factor)[0, 1] > 0.05 for factor in (1.0, 3.0)] == [False, True]


def test_padding_is_no_class(halves):
    logits, valid = halves
    valid[0, :, 8:] = False
    found = surroundings(logits, valid, torch.tensor([[20.0, 20, 44, 44]]), torch.tensor([0]), 1.0)
    torch.testing.assert_close(found, torch.tensor([[0.5, 0, 0]]), atol=0.03, rtol=0)


def test_no_region(halves):
    assert surroundings(*halves, torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), 2.0).shape == (0, 3)


def test_relations_tell_a_region_by_the_stuff_around_it(host, stage, semantic):
    """Where the graph is left with nodes that are alike, only the frame tells the first RoI from others."""
    torch.manual_seed(0)
    module = Relation(host, node_dim=8, surround=2.0).eval()
    logits = torch.full_like(semantic.logits, -SURE)
    logits[:, 0] = SURE
    elsewhere = logits.clone()
    elsewhere[:, :, :, :2] = elsewhere[:, [1, 0, 2], :, :2]
    said = [
        module.enhance(replace(stage, semantic=replace(semantic, logits=view, shared=shared_centers(semantic))))
        for view in (logits, elsewhere)
    ]
    assert not torch.allclose(said[0].class_logits[:3], said[1].class_logits[:3], atol=1e-4)


def shared_centers(semantic):
    """Class centers that are the same whatever the logits are."""
    return {("class centers", 0, 1, 2): torch.ones(3, 3, semantic.feature.shape[1])}


def test_each_part_is_averaged_or_not(host, stage):
    torch.manual_seed(0)
    whole = Relation(host, node_dim=8).eval()
    part = Relation(host, node_dim=8, averages=("classes", "semantic")).eval()
    part.load_state_dict(whole.state_dict())
    said, less = whole.enhance(stage), part.enhance(stage)
    assert said.box_deltas is not None
    assert less.box_deltas is None
    torch.testing.assert_close(less.class_logits, said.class_logits)
    torch.testing.assert_close(less.semantic_logits, said.semantic_logits)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"averages": ("boxes", "masks")}, r"averages: wanted some of classes, boxes, semantic, got masks"),
        ({"surround": -1.0}, r"surround: wanted 0 or a factor above it, got -1.0"),
        ({"surround": float("nan")}, r"surround: wanted 0 or a factor above it, got nan"),
    ],
)
def test_an_option_that_is_none(host, option, said):
    with pytest.raises(InputError, match=said):
        Relation(host, **option)
