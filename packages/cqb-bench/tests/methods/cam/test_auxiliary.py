import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from cqb_bench.methods.cam.auxiliary import Cam, activation_maps, pseudo_labels, scaled
from cqb_core import IGNORE, InputError, Labels
from cqb_core.models import Host, ImageLabels, SemanticView

HOST = Host(
    num_things=2,
    num_stuff=4,
    region_channels=1,
    region_size=7,
    region_dim=4,
    box_columns=4,
    semantic_dim=24,
    num_stages=3,
)
ALL_VALID = torch.ones(1, 2, 3, dtype=torch.bool)


def tagged(feature, logits, tags, owned=Labels.IMAGE):
    """A view of images that own the tags."""
    images = [ImageLabels(place, owned, (48, 48), stuff_tags=row) for place, row in enumerate(tags)]
    valid = torch.ones(logits[:, 0].shape, dtype=torch.bool)
    return SemanticView(range(len(images)), images, feature, logits, valid, lambda: None)


def test_maps_are_the_classifier_at_every_cell():
    feature = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])
    weight = torch.tensor([[2.0, -1.0], [0.5, 1.0], [0.0, 0.0]])
    assert activation_maps(feature, weight)[0, :, 0].tolist() == [[2, 1], [0.5, 4], [0, 0]]


def test_the_mean_of_a_map_is_the_logit_of_its_tag():
    module, feature = Cam(HOST), torch.randn(2, 24, 3, 5)
    maps = activation_maps(feature, module.branch.classifier.weight)
    torch.testing.assert_close(maps.mean((2, 3)), module.branch(feature))


def test_maps_of_half_precision_are_made_in_single():
    feature, weight = torch.full((1, 3, 1, 1), 1 / 3, dtype=torch.bfloat16), torch.ones(1, 3, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        (value,) = activation_maps(feature, weight).flatten()
    assert value.dtype == torch.float32
    assert value.item() == 3 * feature[0, 0].item()


def test_maps_are_scaled_from_their_least_to_their_largest_valid_cell():
    maps = torch.tensor([[[[-1.0, 1.0, 9.0], [0.0, 3.0, -9.0]], [[2.0, 2.0, 5.0], [2.0, 2.0, 1.0]]]])
    valid = torch.tensor([[[True, True, False], [True, True, False]]])
    assert scaled(maps, valid)[0].tolist() == [[[0, 0.5, 0], [0.25, 1, 0]], [[0, 0, 0], [0, 0, 0]]]


def test_a_label_is_the_largest_present_class_that_reaches_the_threshold():
    maps = torch.tensor([[[[0.0, 10.0, 1.0], [2.0, 6.0, 3.0]], [[4.0, 0.0, 1.0], [3.0, 3.0, 0.0]], [[9.0] * 3] * 2]])
    tags = torch.tensor([[True, True, False]])
    assert pseudo_labels(maps, tags, ALL_VALID, 0.3)[0].tolist() == [[1, 0, IGNORE], [1, 1, 0]]
    assert pseudo_labels(maps, tags, ALL_VALID, 0.0)[0].tolist() == [[1, 0, 1], [1, 1, 0]]
    assert pseudo_labels(maps, tags, ALL_VALID, 1.0)[0].tolist() == [[1, 0, IGNORE], [IGNORE, IGNORE, IGNORE]]


def test_no_label_without_a_present_class_or_in_the_padding():
    maps, tags = torch.randn(1, 3, 2, 3), torch.tensor([[True, True, False]])
    assert (pseudo_labels(maps, ~tags & tags, ALL_VALID, 0.0) == IGNORE).all()
    valid = ALL_VALID.clone()
    valid[0, 1] = False
    assert (pseudo_labels(maps, tags, valid, 0.0) == IGNORE).equal(~valid)


def slow_labels(maps, tags, valid, threshold):
    found = torch.full(valid.shape, IGNORE)
    for y, x in valid.nonzero().tolist():
        best = -1.0
        for s in tags.nonzero().flatten().tolist():
            seen = maps[s][valid]
            span = (seen.max() - seen.min()).item()
            value = ((maps[s, y, x] - seen.min()) / span).item() if span else 0.0
            if value >= threshold and value > best:
                best, found[y, x] = value, s
    return found


THRESHOLDS = (0.0, 0.07, 0.19, 0.29, 0.41, 0.55, 0.71, 0.93)
"""None but 0 is a ratio of whole numbers up to 6, where rounding would decide."""


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(THRESHOLDS))
def test_labels_are_those_of_a_loop_over_cells(seed, threshold):
    draws = torch.Generator().manual_seed(seed)
    maps = torch.randint(-3, 4, (2, 3, 3, 4), generator=draws).double()
    tags, valid = (torch.rand(shape, generator=draws) < 0.6 for shape in ((2, 3), (2, 3, 4)))
    expected = torch.stack([slow_labels(*each, threshold) for each in zip(maps, tags, valid, strict=True)])
    assert torch.equal(pseudo_labels(maps, tags, valid, threshold), expected)


def test_terms_by_hand():
    module = Cam(HOST, threshold=0.5, warm_up=0, beta=0.5)
    with torch.no_grad():
        module.branch.classifier.weight.zero_()
        module.branch.classifier.weight[0, 0] = 1.0
    feature, logits = torch.zeros(1, 24, 1, 2), torch.zeros(1, 5, 1, 2)
    feature[0, 0, 0, 1] = 4.0  # the tag's logit is the mean, 2; only the second cell has a label
    logits[0, 0, 0] = torch.tensor([7.0, 1.0])
    losses = module.loss(tagged(feature, logits, torch.tensor([[True, False, False, False]])))
    assert losses["loss_cls"].item() == pytest.approx(0.5 * (math.log(1 + math.exp(-2)) + 3 * math.log(2)) / 4)
    assert losses["loss_pseudo"].item() == pytest.approx(0.5 * math.log((math.e + 4) / math.e))


def test_pseudo_labels_begin_after_the_warm_up_and_steps_travel_with_the_weights():
    torch.manual_seed(0)
    module = Cam(HOST, warm_up=2)
    seen = tagged(torch.randn(1, 24, 4, 4), torch.randn(1, 5, 4, 4), torch.tensor([[True, True, False, False]]))
    terms = [module.loss(seen)["loss_pseudo"].item() for _ in range(3)]
    assert terms[:2] == [0, 0]
    assert terms[2] > 0
    assert module.state_dict()["warm_up.steps"] == 3


def test_images_with_stuff_maps_teach_the_classifier_and_get_no_pseudo_label():
    torch.manual_seed(0)
    module = Cam(HOST, warm_up=0)
    tags = torch.tensor([[True, True, False, False]])
    losses = module.loss(tagged(torch.randn(1, 24, 4, 4), torch.randn(1, 5, 4, 4), tags, Labels.PANOPTIC))
    assert losses["loss_cls"].item() > 0
    assert losses["loss_pseudo"].item() == 0


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    module = Cam(HOST, warm_up=0).double()
    feature, tags = torch.randn(2, 24, 2, 3).double(), torch.tensor([[True, True, False, False], [False] * 4])
    logits = torch.randn(2, 5, 2, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: module.loss(tagged(feature, x, tags))["loss_pseudo"], logits)
    pooled = torch.randn(2, 24, 1, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: module.loss(tagged(x, logits.detach()[:, :, :1, :2], tags))["loss_cls"], pooled
    )


@pytest.mark.parametrize(("options", "said"), [
    ({"threshold": 1.5}, "Cam: threshold: wanted a number from 0 to 1, got 1.5"),
    ({"warm_up": -1}, "warm_up: wanted whole steps, or a share of the training .*got -1"),
    ({"beta": float("nan")}, "Cam: beta: wanted a weight of 0 or more, got nan"),
])  # fmt: skip
def test_what_is_wrong_is_named(options, said):
    with pytest.raises(InputError, match=said):
        Cam(HOST, **options)


def test_the_pseudo_loss_is_the_cross_entropy_with_the_labels():
    torch.manual_seed(1)
    module, feature, logits = Cam(HOST, warm_up=0, beta=1.0), torch.randn(2, 24, 4, 4), torch.randn(2, 5, 4, 4)
    tags = torch.tensor([[True, False, True, True], [False, True, True, False]])
    view = tagged(feature, logits, tags)
    labels = module.labels(feature, tags, view.valid)
    expected = cross_entropy(logits, labels, ignore_index=IGNORE)
    torch.testing.assert_close(module.loss(view)["loss_pseudo"], expected)
