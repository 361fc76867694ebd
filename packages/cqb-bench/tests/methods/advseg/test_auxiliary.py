import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from cqb_bench.methods.advseg.auxiliary import AdvSeg
from cqb_core import IGNORE, InputError, Labels
from cqb_core.models import Host, ImageLabels, SemanticView

HOST = Host(
    num_things=2,
    num_stuff=3,
    region_channels=1,
    region_size=7,
    region_dim=4,
    box_columns=4,
    semantic_dim=4,
    num_stages=3,
)


def half_mapped(seed=0, size=8):
    """Two images with a stuff map, in part unknown, and two with tags only; the last has padding below."""
    draws = torch.Generator().manual_seed(seed)
    maps = torch.randint(0, 5, (2, size, size), generator=draws).to(torch.uint8)
    maps[:, 0] = IGNORE
    images = [ImageLabels(place, Labels.PANOPTIC, (4 * size,) * 2, semantic=maps[place]) for place in (0, 1)]
    images += [ImageLabels(place, Labels.IMAGE, (4 * size,) * 2) for place in (2, 3)]
    valid = torch.ones(4, size, size, dtype=torch.bool)
    valid[3, -2:] = False
    logits = torch.randn(4, 4, size, size, generator=draws)
    return SemanticView(range(4), images, logits, logits, valid, lambda: None)


def only(view, rows):
    images, logits = [view.images[row] for row in rows], view.logits[rows]
    return replace(view, index=range(len(rows)), images=images, feature=logits, logits=logits, valid=view.valid[rows])


def small(seed=0, **options):
    torch.manual_seed(seed)
    return AdvSeg(HOST, **{"warm_up": 0, "channels": 2, **options})


def saying(logit, **options):
    """One whose discriminator says the same of every cell."""
    module = small(**options)
    with torch.no_grad():
        module.discriminator.layers[-1].weight.zero_()
        module.discriminator.layers[-1].bias.fill_(logit)
    return module


def test_terms_by_hand():
    view = half_mapped()
    view = replace(view, logits=torch.zeros_like(view.logits))
    losses = saying(math.log(3), beta=0.5).loss(view)  # a chance of 3 in 4 everywhere
    assert losses["loss_adv"].item() == pytest.approx(0.5 * (0.01 + 0.001) * math.log(4 / 3), rel=1e-5)
    assert losses["loss_semi"].item() == pytest.approx(0.5 * 0.1 * math.log(4), rel=1e-5)
    assert losses["loss_discriminator"].item() == pytest.approx((math.log(4) + math.log(4 / 3)) / 2, rel=1e-5)


def test_cells_are_labels_above_the_threshold_and_after_the_warm_up():
    view, unsure, sure = half_mapped(), math.log(0.19 / 0.81), math.log(0.21 / 0.79)
    assert saying(unsure).loss(view)["loss_semi"] == 0
    assert saying(sure).loss(view)["loss_semi"] > 0
    module = saying(sure, warm_up=2)
    terms = [module.loss(view)["loss_semi"].item() for _ in range(3)]
    assert terms[:2] == [0, 0]
    assert terms[2] > 0
    assert module.state_dict()["warm_up.steps"] == 3


def test_own_labels_are_the_largest_logits_of_sure_cells_of_images_without_a_map():
    view, module = half_mapped(size=16), small(self_training=1.0)
    with torch.no_grad():
        chance = module.discriminator(view.logits.softmax(1) * view.valid[:, None]).sigmoid()
    module.sure = chance[2:].flatten().sort().values[200:202].mean().item()  # between two cells
    sure = (chance > module.sure) & view.valid
    sure[:2] = False
    assert 0 < sure.sum() < view.valid[2:].sum()
    expected = cross_entropy(view.logits.movedim(1, -1)[sure], view.logits.argmax(1)[sure])
    torch.testing.assert_close(module.loss(view)["loss_semi"], expected)


def test_padding_and_unknown_cells_have_no_part():
    view, module = half_mapped(), small()
    part = view.valid.clone()
    part[:2] = torch.stack([image.semantic for image in view.images[:2]]) != IGNORE
    spoiled = torch.where(part[:, None], view.logits, 9 * torch.randn_like(view.logits))
    clean, other = module.loss(view), module.loss(replace(view, logits=spoiled))
    for name, value in clean.items():
        torch.testing.assert_close(value, other[name])


def test_the_segmentations_terms_give_the_discriminator_no_gradient_and_the_other_way_round():
    view, module = half_mapped(), saying(0.0)
    module.discriminator.layers[-1].weight.data.normal_()
    logits = view.logits.clone().requires_grad_()
    losses = module.loss(replace(view, logits=logits))
    (losses["loss_adv"] + losses["loss_semi"]).backward()
    assert all(parameter.grad is None for parameter in module.parameters())
    assert (logits.grad != 0).flatten(1).any(1).all()
    logits.grad = None
    losses["loss_discriminator"].backward()
    assert logits.grad is None
    assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters())


def alternating(module, view):
    """Gradients of logits and of the discriminator in two passes, as in the paper's public code, on known cells."""
    net, logits = module.discriminator, view.logits.clone().requires_grad_()
    mapped, bare = slice(0, 2), slice(2, 4)
    maps = torch.stack([image.semantic for image in view.images[mapped]]).long()
    known, inside = maps != IGNORE, view.valid[bare]
    channel = torch.where(maps < HOST.num_things, HOST.num_stuff, maps - HOST.num_things).where(known, 0)
    fake = logits.softmax(1) * torch.cat([known, inside])[:, None]
    for parameter in net.parameters():
        parameter.requires_grad = False
    said = net(fake)
    towards_true = [
        binary_cross_entropy_with_logits(said[part][cells], torch.ones_like(said[part][cells]))
        for part, cells in ((mapped, known), (bare, inside))
    ]
    sure = inside & (said[bare].sigmoid() > 0.2)
    own = cross_entropy(logits[bare].movedim(1, -1)[sure], logits[bare].argmax(1)[sure]) if sure.any() else 0
    (0.01 * towards_true[0] + 0.001 * towards_true[1] + 0.1 * own).backward()
    for parameter in net.parameters():
        parameter.requires_grad = True
    real = one_hot(channel, 4).movedim(-1, 1).to(fake.dtype) * known[:, None]
    for maps, target in ((fake.detach()[mapped], 0.0), (real, 1.0)):
        of_cells = net(maps)[known]
        (binary_cross_entropy_with_logits(of_cells, torch.full_like(of_cells, target)) / 2).backward()
    grads = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    return logits.grad, grads


def test_one_backward_pass_is_the_two_of_the_papers_code():
    module = small().double()
    module.discriminator.layers[-1].weight.data *= 10
    view = half_mapped()
    view = replace(view, logits=view.logits.double())
    of_logits, of_discriminator = alternating(module, view)
    logits = view.logits.clone().requires_grad_()
    torch.stack(list(module.loss(replace(view, logits=logits)).values())).sum().backward()
    torch.testing.assert_close(logits.grad, of_logits)
    for parameter, expected in zip(module.discriminator.parameters(), of_discriminator, strict=True):
        torch.testing.assert_close(parameter.grad, expected)


def test_gradients_are_those_of_finite_differences():
    view, module = only(half_mapped(), [0, 3]), small(sure=0.0).double()
    logits = view.logits.double().requires_grad_()
    shaken = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0)).double()
    for name in ("loss_adv", "loss_semi"):

        def along(t, name=name):
            return module.loss(replace(view, logits=logits + t * shaken))[name]

        assert torch.autograd.gradcheck(along, torch.zeros((), dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize(("rows", "nought"), [([0, 1], {"loss_semi"}), ([2, 3], {"loss_discriminator"})])
def test_what_a_batch_of_one_kind_teaches(rows, nought):
    view, module = only(half_mapped(), rows), saying(0.0)
    logits = view.logits.clone().requires_grad_()
    losses = module.loss(replace(view, logits=logits))
    assert {name for name, value in losses.items() if value == 0} == nought
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in [*module.parameters(), logits])


@pytest.mark.parametrize(("options", "said"), [
    ({"labelled": -0.1}, "AdvSeg: labelled: wanted a weight of 0 or more, got -0.1"),
    ({"unlabelled": float("nan")}, "AdvSeg: unlabelled: wanted a weight of 0 or more, got nan"),
    ({"self_training": -1.0}, "AdvSeg: self_training: wanted a weight of 0 or more, got -1.0"),
    ({"beta": -1.0}, "AdvSeg: beta: wanted a weight of 0 or more, got -1.0"),
    ({"sure": 2.0}, "AdvSeg: sure: wanted a probability from 0 to 1, got 2.0"),
    ({"warm_up": -1}, "warm_up: wanted whole steps, or a share of the training .*got -1"),
    ({"channels": 0}, "AdvSeg: channels: wanted 1 or more, got 0"),
])  # fmt: skip
def test_what_is_wrong_is_named(options, said):
    with pytest.raises(InputError, match=said):
        AdvSeg(HOST, **options)
