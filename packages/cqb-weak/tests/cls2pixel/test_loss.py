import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from cqb_weak.cls2pixel import (
    IGNORE,
    Cls2PixelLoss,
    DenseCrf,
    DenseEnergy,
    Reliability,
    absent_loss,
    dense_energy,
    pseudo_loss,
    reliable_labels,
    tag_loss,
)

LOSS = Cls2PixelLoss(warm_up=0, rule=Reliability(confidence=0.5))


def drawn(b=2, s=3, seed=0, dtype=torch.float32):
    """Logits at half the image's size with a merged-things class last, maps at a quarter."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.rand(*shape, generator=generator, dtype=dtype)

    tags = torch.rand(b, s, generator=generator) < 0.5
    tags[:, 0] = True
    return {
        "logits": (random(b, s + 1, 8, 10) * 4 - 2).requires_grad_(),
        "class_logits": (random(b, s) * 2 - 1).requires_grad_(),
        "maps": random(b, s, 4, 5),
        "image": random(b, 3, 16, 20) * 255,
        "tags": tags,
        "step": 0,
    }


def gradient(terms, tensor):
    return torch.autograd.grad(sum(terms.values()), tensor, retain_graph=True)[0]


def test_pseudo_loss_by_hand():
    logits = torch.tensor([[[[0.0, 5.0]], [[math.log(3), 5.0]]]])
    labels = torch.tensor([[[1, IGNORE]]])
    torch.testing.assert_close(pseudo_loss(logits, labels), torch.tensor(math.log(4 / 3)))


def test_plain_mean_beside_the_public_halves():
    """The public loss is the mean over background plus the mean over classes; ours is their plain mean."""
    logits = torch.from_numpy(np.random.RandomState(7).randn(2, 21, 16, 16))
    labels = torch.from_numpy(np.random.RandomState(8).choice([0, 3, 5, 255], (2, 16, 16)))
    assert pseudo_loss(logits, labels).item() == pytest.approx(3.453463077545166, rel=1e-5)
    halves = [pseudo_loss(logits, labels.masked_fill(hidden, IGNORE)).item() for hidden in (labels != 0, labels == 0)]
    assert halves == pytest.approx([3.392838954925537, 3.4814960956573486], rel=1e-5)


def test_tag_loss_by_hand():
    loss = tag_loss(torch.tensor([[0.0, math.log(3)]]), torch.tensor([[True, False]]))
    torch.testing.assert_close(loss, torch.tensor((math.log(2) + math.log(4)) / 2))


def test_absent_loss_by_hand():
    """Two classes with a tag each and one beyond: the first image shows the second class, the other image none."""
    logits = torch.tensor([math.log(4), math.log(3), math.log(1)]).view(1, 3, 1, 1).repeat(2, 1, 1, 2)
    logits[1, :, 0, 1] = 100.0
    tags = torch.tensor([[False, True], [False, False]])
    either = absent_loss(logits, tags, torch.tensor([[[True, True]], [[True, False]]]))
    torch.testing.assert_close(either, torch.tensor((math.log(8 / 4) + math.log(8 / 1)) / 2))
    torch.testing.assert_close(absent_loss(logits[:1], tags[:1]), torch.tensor(math.log(2)))


def test_absent_loss_without_anything_to_show():
    logits, tags = torch.randn(2, 2, 3, 3, requires_grad=True), torch.tensor([[True, True], [False, False]])
    loss = absent_loss(logits, tags)
    assert loss == 0
    assert torch.autograd.grad(loss, logits)[0].eq(0).all()
    assert absent_loss(logits[:0], tags[:0]) == 0


def test_absent_loss_teaches_before_the_warm_up_is_over():
    given = drawn()
    terms = Cls2PixelLoss(warm_up=9, absent_weight=2.0)(**given, unlabelled=torch.tensor([True, False]))
    torch.testing.assert_close(terms["loss_absent"], 2 * absent_loss(given["logits"][:1], given["tags"][:1]))
    assert terms["loss_pseudo"] == terms["loss_energy"] == 0
    assert gradient(terms, given["logits"])[1].eq(0).all()


@pytest.mark.parametrize("evidence", ["segmentation", "coupled"])
def test_what_the_segmentation_says_makes_labels(evidence):
    """It is sure of class 1 on the left, which the tags forget in the second image, and of a thing on the right."""
    logits = torch.full((2, 4, 8, 8), -5.0)
    logits[:, 1, :, :4], logits[:, 3, :, 4:], logits[:, 2] = 5.0, 5.0, -1.0
    tags = torch.tensor([[False, True, True], [False, False, True]])
    image = 255 * torch.rand(2, 3, 1, 1, generator=torch.Generator().manual_seed(0)).expand(2, 3, 8, 8).clone()
    image[:, :, :, 4:] = 255 - image[:, :, :, 4:]
    loss = Cls2PixelLoss(evidence=evidence, rule=Reliability(top=1.0))
    labels = loss.labels(torch.rand(2, 3, 8, 8) + 0.5, image, tags, (8, 8), logits=logits)
    assert (labels[0, :, 4:] == IGNORE).all()
    assert (labels[1, :, 4:] == IGNORE).all()
    assert set(labels[0].unique().tolist()) == {1, IGNORE}
    assert set(labels[1].unique().tolist()) == {2, IGNORE}


def test_evidence_that_cannot_be():
    with pytest.raises(ValueError, match="evidence: wanted one of maps, segmentation, coupled, got 'map'"):
        Cls2PixelLoss(evidence="map")
    with pytest.raises(ValueError, match="evidence: wanted maps with the rule's background, got 'coupled'"):
        Cls2PixelLoss(evidence="coupled", rule=Reliability(background=(4.0, 32.0)))
    given = drawn()
    with pytest.raises(ValueError, match="logits: wanted those of the segmentation for evidence 'coupled', got none"):
        Cls2PixelLoss(evidence="coupled").labels(given["maps"], given["image"], given["tags"], (8, 10))


@pytest.mark.parametrize("call", [pseudo_loss, tag_loss, absent_loss])
def test_gradchecks(call):
    generator = torch.Generator().manual_seed(0)
    if call is absent_loss:
        shape, target = (2, 3, 2, 2), torch.tensor([[True, False], [False, False]])
    elif call is pseudo_loss:
        shape, target = (2, 3, 2, 2), torch.tensor([0, 1, 2, IGNORE]).view(1, 2, 2).expand(2, -1, -1)
    else:
        shape, target = (2, 3), torch.tensor([[True, False, True], [False, False, False]])
    logits = torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: call(z, target), logits)


def test_terms_are_their_parts_times_their_weights():
    given = drawn()
    terms = Cls2PixelLoss(0, 2.0, 3.0, 5.0, rule=Reliability(confidence=0.5), grid="image")(**given)
    upright = torch.nn.functional.interpolate(given["logits"], (16, 20), mode="bilinear", align_corners=False)
    maps = torch.nn.functional.interpolate(given["maps"], (16, 20), mode="bilinear", align_corners=False)
    labels = reliable_labels(maps, given["image"], given["tags"], Reliability(confidence=0.5))
    assert (labels != IGNORE).any()
    torch.testing.assert_close(terms["loss_pseudo"], 2 * cross_entropy(upright, labels, ignore_index=IGNORE))
    torch.testing.assert_close(terms["loss_cls"], 3 * tag_loss(given["class_logits"], given["tags"]))
    energy = dense_energy(given["logits"].softmax(1), given["image"])
    torch.testing.assert_close(terms["loss_energy"], 5 * (1 + energy.mean()))


def test_distances_of_the_crf_follow_the_grid():
    """On logits of half the size the CRF with half the distances labels the averaged image."""
    given = drawn()
    coarse = torch.nn.functional.interpolate(given["image"], (8, 10), mode="bilinear", antialias=True)
    maps = torch.nn.functional.interpolate(given["maps"], (8, 10), mode="bilinear")
    rule = Reliability(confidence=0.5, crf=DenseCrf().shrunk(0.5))
    labels = LOSS.labels(given["maps"], given["image"], given["tags"], (8, 10))
    assert torch.equal(labels, reliable_labels(maps, coarse, given["tags"], rule))


def test_gradcheck_of_the_whole():
    given = drawn(b=1, dtype=torch.float64)
    given["logits"] = given["logits"][:, :, :3, :4].detach().requires_grad_()

    def total(logits, class_logits):
        return sum(LOSS(**{**given, "logits": logits, "class_logits": class_logits}).values())

    assert torch.autograd.gradcheck(total, (given["logits"], given["class_logits"]))


def test_before_warm_up_only_the_class_branch_learns():
    given = {**drawn(), "step": 9}
    terms = Cls2PixelLoss(warm_up=10)(**given)
    assert terms["loss_pseudo"] == terms["loss_energy"] == 0
    assert gradient(terms, given["logits"]).eq(0).all()
    assert gradient(terms, given["class_logits"]).ne(0).all()
    assert Cls2PixelLoss(warm_up=10)(**{**given, "step": 10})["loss_energy"] > 0


def test_maps_get_no_gradient():
    given = drawn()
    given["maps"].requires_grad_()
    terms = LOSS(**given)
    assert torch.autograd.grad(sum(terms.values()), given["maps"], allow_unused=True) == (None,)


def test_only_unlabelled_images_have_pseudo_labels_and_energy():
    """The other's logits may hold anything."""
    given = drawn()
    alone = LOSS(**{name: v[:1] if isinstance(v, torch.Tensor) else v for name, v in given.items()})
    with torch.no_grad():
        given["logits"][1] = torch.nan
    terms = LOSS(**given, unlabelled=torch.tensor([True, False]))
    for name in ("loss_pseudo", "loss_energy"):
        torch.testing.assert_close(terms[name], alone[name])
    found = gradient(terms, given["logits"])
    assert found[1].eq(0).all()
    assert found[0].ne(0).any()
    none = LOSS(**given, unlabelled=torch.tensor([False, False]))
    assert none["loss_pseudo"] == none["loss_energy"] == 0
    assert gradient(none, given["logits"]).eq(0).all()


def test_counts_are_what_the_terms_are_means_over():
    """Of two images that are told apart, the pixel-wise mean is that of both by their pixels, the others by images."""
    given, loss = drawn(), Cls2PixelLoss(warm_up=0, absent_weight=1.0, rule=Reliability(confidence=0.5))
    given["known"] = torch.zeros(2, 16, 20, dtype=torch.bool)
    given["known"][1, :, :10] = True
    whole, counts = loss.with_counts(**given)
    assert (counts["loss_cls"], counts["loss_energy"], counts["loss_absent"]) == (2, 2, 2)
    parts = [
        loss.with_counts(**{name: v[row] if isinstance(v, torch.Tensor) else v for name, v in given.items()})
        for row in (slice(0, 1), slice(1, 2))
    ]
    assert counts["loss_pseudo"] == sum(over["loss_pseudo"] for _, over in parts)
    assert parts[0][1]["loss_pseudo"] != parts[1][1]["loss_pseudo"]
    for name, term in whole.items():
        mean = sum(terms[name] * over[name] for terms, over in parts) / counts[name]
        torch.testing.assert_close(mean, term, rtol=1e-3, atol=1e-5)
    early = Cls2PixelLoss(warm_up=1).with_counts(**given)[1]
    assert (early["loss_pseudo"], early["loss_cls"], early["loss_energy"]) == (0, 2, 0)


def test_no_images():
    given = {name: v[:0] if isinstance(v, torch.Tensor) else v for name, v in drawn().items()}
    given["logits"] = given["logits"].detach().requires_grad_()
    terms = LOSS(**given)
    assert all(term == 0 and term.requires_grad for term in terms.values())
    assert gradient(terms, given["logits"]).shape == (0, 4, 8, 10)


@pytest.mark.parametrize("why", ["no tags", "no activation", "all known", "all padding"])
def test_no_sure_pixel(why):
    given, mask = drawn(), torch.ones(2, 16, 20, dtype=torch.bool)
    options = {"all known": {"known": mask}, "all padding": {"valid": ~mask}}.get(why, {})
    if why == "no tags":
        given["tags"] = torch.zeros_like(given["tags"])
    if why == "no activation":
        given["maps"] = given["maps"] * 0
    terms = Cls2PixelLoss(warm_up=0, energy_weight=0.0)(**given, **options)
    assert terms["loss_pseudo"] == 0
    assert gradient(terms, given["logits"]).eq(0).all()
    assert gradient(terms, given["class_logits"]).isfinite().all()


def test_rrm_background_shifts_the_labels():
    given = drawn()
    loss = Cls2PixelLoss(warm_up=0, rule=Reliability(background=(4.0, 32.0)))
    assert loss.labels(given["maps"], given["image"], given["tags"], (8, 10)).min() >= 0
    with pytest.raises(ValueError, match=r"logits: wanted at least 4 classes \(one a tag\), got 3"):
        loss(**{**given, "logits": given["logits"][:, :3]})


@settings(deadline=None, max_examples=8)
@given(st.booleans(), st.permutations(range(3)), st.integers(0, 100))
def test_permutations(swapped, order, seed):
    given, images, order = drawn(seed=seed), [1, 0] if swapped else [0, 1], list(order)
    calm = Cls2PixelLoss(warm_up=0, rule=Reliability(confidence=0.5, crf=DenseCrf(iterations=2)))
    moved = {name: v[images] if isinstance(v, torch.Tensor) else v for name, v in given.items()}
    moved.update({name: moved[name][:, order] for name in ("class_logits", "maps", "tags")})
    moved["logits"] = moved["logits"][:, [*order, 3]]
    for name, term in calm(**given).items():
        torch.testing.assert_close(calm(**moved)[name], term, rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_half(dtype):
    given = drawn()
    half = {name: v.to(dtype) if name in ("logits", "class_logits") else v for name, v in given.items()}
    with torch.autocast("cpu", dtype):
        terms = LOSS(**half)
    for name, term in LOSS(**given).items():
        assert terms[name].dtype == torch.float32
        torch.testing.assert_close(terms[name], term, rtol=0.02, atol=0.01)


def test_lattice_energy_at_full_resolution():
    given = drawn()
    terms = Cls2PixelLoss(warm_up=0, energy=DenseEnergy(side=None, filter="lattice"))(**given)
    torch.testing.assert_close(terms["loss_energy"], LOSS(**given)["loss_energy"], rtol=0.1, atol=0)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"class_logits": torch.zeros(2, 4)},
            ValueError,
            r"maps: wanted shape \(b=2, s=4, hm, wm\), got \(2, 3, 4, 5\)",
        ),
        ({"tags": torch.ones(2, 2).bool()}, ValueError, r"tags: wanted shape \(b=2, s=3\), got \(2, 2\)"),
        ({"tags": torch.ones(2, 3)}, TypeError, "tags: wanted bool, got torch.float32"),
        ({"logits": torch.zeros(2, 2, 8, 10)}, ValueError, r"logits: wanted at least 3 classes \(one a tag\), got 2"),
        (
            {"image": torch.zeros(2, 3, 16, 20).byte()},
            TypeError,
            "image: wanted floating-point numbers, got torch.uint8",
        ),
        ({"image": torch.zeros(2, 3, 16, 20, device="meta")}, ValueError, "one device, got .*image on meta"),
    ],
)
def test_bad_arguments(changed, error, message):
    """By the checks alone: the tests' own type checker would come first."""
    given = {**drawn(), **changed}
    with pytest.raises(error, match=message):
        LOSS._check(*(given[name] for name in ("logits", "class_logits", "maps", "image", "tags")), {})


@pytest.mark.parametrize(
    ("name", "mask", "message"),
    [
        ("known", torch.ones(2, 16, 19).bool(), r"known: wanted shape \(b=2, H=16, W=20\), got \(2, 16, 19\)"),
        ("unlabelled", torch.ones(3).bool(), r"unlabelled: wanted shape \(b=2\), got \(3,\)"),
    ],
)
def test_bad_masks(name, mask, message):
    given = drawn()
    with pytest.raises(ValueError, match=message):
        LOSS._check(*(given[key] for key in ("logits", "class_logits", "maps", "image", "tags")), {name: mask})


@pytest.mark.parametrize("name", ["logits", "class_logits", "maps", "image"])
def test_numbers_that_are_not_finite(name):
    given = drawn()
    given[name] = given[name].detach().clone()
    given[name][1, 0] = torch.nan
    wanted = "features|image" if name == "image" else name
    with pytest.raises(ValueError, match=rf"({wanted}|probabilities): wanted finite numbers, got"):
        LOSS(**given)


def test_bad_grid():
    with pytest.raises(ValueError, match="grid: wanted one of logits, image, got 'feature'"):
        Cls2PixelLoss(grid="feature")
