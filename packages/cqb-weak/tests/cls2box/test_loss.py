import importlib.util
import json
import os
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.nn import functional as F

from cqb_weak.cls2box import Cls2BoxLoss, cls2box_loss

REFERENCE = Path(os.environ.get("CQB_REFERENCE", Path(__file__).parents[5] / "shared" / "reference"))

ORACLES = [
    ("wsddn_adursun", "loss_sum", {"coupling": "none"}, 12.563359260559082),
    ("wsddn_det_temperature2", "loss_sum", {"coupling": "none", "temperature": 2.0}, 11.028850555419922),
    ("pcl_mil_losses", "mean_bce", {"coupling": "none", "reduction": "mean"}, 0.628167986869812),
    ("cqb_cls2box_candidates", "phi_times_pcls_sumBCE", {}, 23.211563110351562),
    ("cqb_cls2box_candidates", "detsoftmax_times_pcls_sumBCE", {"coupling": "detector"}, 12.189533233642578),
]
"""What public ports of WSDDN gave on `reference_inputs`, and the option that restores it."""


def reference_inputs():
    rs = np.random.RandomState(2)
    classes, proposals = ((rs.randn(50, 20) * 2).astype(np.float32) for _ in range(2))
    tags = torch.zeros(1, 20, dtype=torch.bool)
    tags[0, [3, 7, 11]] = True
    detector = (np.random.RandomState(10).randn(50, 21) * 2).astype(np.float32)
    streams = [torch.from_numpy(each).requires_grad_() for each in (classes, proposals)]
    return *streams, torch.zeros(50).long(), tags, torch.from_numpy(detector)


@pytest.mark.parametrize(("name", "field", "options", "expected"), ORACLES)
def test_public_code(name, field, options, expected):
    loss = Cls2BoxLoss(**options)(*reference_inputs())
    assert loss["loss_cls2box"].item() == pytest.approx(expected, rel=1e-5)


def test_gradients_of_public_code():
    classes, proposals, *rest = reference_inputs()
    Cls2BoxLoss(coupling="none")(classes, proposals, *rest)["loss_cls2box"].backward()
    for grad, norm, top in ((classes.grad, 0.680075729732903, 0.17147871), (proposals.grad, 0.66896837, 0.30852454)):
        assert grad.norm().item() == pytest.approx(norm, rel=1e-5)
        assert grad.max().item() == pytest.approx(top, rel=1e-5)


def test_the_literals_are_the_reference_file():
    if not (REFERENCE / "oracles.json").is_file():
        pytest.skip(f"no reference figures in {REFERENCE.name} (set CQB_REFERENCE)")
    results = json.loads((REFERENCE / "oracles.json").read_text())["oracles"]
    for name, field, _, expected in ORACLES:
        assert results[name]["result"][field] == expected
    spec = importlib.util.spec_from_file_location("oracle_inputs", REFERENCE / "oracle_inputs.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    for ours, theirs in zip(reference_inputs()[:2], recipe.wsddn_inputs()[:2], strict=True):
        assert torch.equal(ours.detach(), torch.from_numpy(theirs))


def drawn(seed=0, sizes=(3, 0, 4), classes=3, dtype=torch.float64):
    """Arguments of the loss, with proposals in no order of images."""
    g = torch.Generator().manual_seed(seed)
    image = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    image = image[torch.randperm(len(image), generator=g)]
    logits = [torch.randn(len(image), width, generator=g).to(dtype) for width in (classes, classes, classes + 1)]
    corners = torch.rand(len(image), 2, 2, generator=g).sort(1).values.flatten(1) * 50
    tags = torch.rand(len(sizes), classes, generator=g) < 0.5
    return dict(
        class_logits=logits[0],
        proposal_logits=logits[1],
        image_index=image,
        tags=tags,
        detector_logits=logits[2],
        boxes=corners,
    )


def one_by_one(given, **options):
    """The loss of each image on its own, the slow way."""
    losses = []
    for place, tags in enumerate(given["tags"]):
        rows = given["image_index"] == place
        if not rows.any():
            continue
        mid = given["class_logits"][rows].softmax(1) * given["proposal_logits"][rows].softmax(0)
        p = given["detector_logits"][rows].softmax(1)[:, :-1]
        losses.append(F.binary_cross_entropy((mid * p).sum(0).clamp(1e-6, 1 - 1e-6), tags.double(), reduction="sum"))
    return torch.stack(losses).mean()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9999), st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(any))
def test_ragged_batches_are_the_mean_over_images_that_have_proposals(seed, sizes):
    given_ = drawn(seed, sizes)
    torch.testing.assert_close(Cls2BoxLoss()(**given_)["loss_cls2box"], one_by_one(given_))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9999), st.sampled_from(["product", "detector", "classifier", "none"]))
def test_permutations_of_proposals_images_and_classes(seed, coupling):
    given_, g = drawn(seed), torch.Generator().manual_seed(seed)
    loss = Cls2BoxLoss(coupling=coupling, refine=0.5)
    rows, images, kinds = (torch.randperm(n, generator=g) for n in (7, 3, 3))
    named = torch.empty(3, dtype=torch.long).index_copy(0, images, torch.arange(3))
    columns = torch.cat([kinds, torch.tensor([3])])
    permuted = dict(
        class_logits=given_["class_logits"][rows][:, kinds],
        proposal_logits=given_["proposal_logits"][rows][:, kinds],
        image_index=named[given_["image_index"][rows]],
        tags=given_["tags"][images][:, kinds],
        detector_logits=given_["detector_logits"][rows][:, columns],
        boxes=given_["boxes"][rows],
    )
    torch.testing.assert_close(loss(**permuted)["loss_cls2box"], loss(**given_)["loss_cls2box"])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9999))
def test_flipped_and_scaled_boxes_refine_alike(seed):
    given_, loss = drawn(seed), Cls2BoxLoss(refine=1.0)
    x0, y0, x1, y1 = given_["boxes"].unbind(1)
    flipped = given_ | {"boxes": 2 * torch.stack([64 - x1, y0, 64 - x0, y1], 1)}
    torch.testing.assert_close(loss(**flipped)["loss_refine"], loss(**given_)["loss_refine"], rtol=1e-4, atol=1e-7)


def test_images_that_own_no_tags_leave_no_trace_whatever_their_proposals_hold():
    given_ = drawn(sizes=(3, 4))
    alone = {name: value[given_["image_index"] == 0] for name, value in given_.items() if name != "tags"}
    alone |= {"tags": given_["tags"][:1]}
    owned = torch.tensor([True, False])
    for name in ("class_logits", "proposal_logits", "detector_logits"):
        given_[name][given_["image_index"] == 1] = float("nan")
        given_[name].requires_grad_()
    loss = Cls2BoxLoss(refine=1.0)
    terms = loss(**given_, owned=owned)
    torch.testing.assert_close(terms, loss(**alone))
    sum(terms.values()).backward()
    for name in ("class_logits", "proposal_logits", "detector_logits"):
        assert torch.isfinite(given_[name].grad).all()
        assert not given_[name].grad[given_["image_index"] == 1].any()


@pytest.mark.parametrize("coupling", ["product", "detector", "classifier", "none"])
@pytest.mark.parametrize("case", ["no proposals", "no images", "none owned"])
def test_an_empty_case_is_an_exact_zero_with_zero_gradients(coupling, case):
    sizes = {"no proposals": (0, 0), "no images": (), "none owned": (2, 3)}[case]
    given_ = drawn(sizes=sizes) if sizes else drawn(sizes=(0,)) | {"tags": torch.zeros(0, 3, dtype=torch.bool)}
    leaves = [given_[name].requires_grad_() for name in ("class_logits", "proposal_logits", "detector_logits")]
    owned = torch.zeros(2, dtype=torch.bool) if case == "none owned" else None
    terms = Cls2BoxLoss(coupling=coupling, refine=1.0)(**given_, owned=owned)
    assert [term.item() for term in terms.values()] == [0, 0]
    sum(terms.values()).backward()
    assert all(leaf.grad is not None and not leaf.grad.any() for leaf in leaves)


@pytest.mark.parametrize("coupling", ["product", "detector", "classifier", "none"])
def test_every_stream_is_in_the_graph(coupling):
    """A parameter without gradient would stop distributed training."""
    given_ = drawn()
    streams = [given_[name].requires_grad_() for name in ("class_logits", "proposal_logits")]
    Cls2BoxLoss(coupling=coupling)(**given_)["loss_cls2box"].backward()
    assert all(stream.grad is not None for stream in streams)


@pytest.mark.parametrize(
    "options", [{}, {"coupling": "none"}, {"coupling": "detector"}, {"coupling": "classifier"}, {"temperature": 2.0}]
)
def test_gradients_are_those_of_finite_differences(options):
    given_, loss = drawn(3), Cls2BoxLoss(**options)
    names = ("class_logits", "proposal_logits", "detector_logits")

    def total(*logits):
        return sum(loss(**given_ | dict(zip(names, logits, strict=True))).values())

    assert gradcheck(total, tuple(given_[name].requires_grad_() for name in names))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_under_autocast_is_close_to_float32(dtype):
    given_ = drawn(sizes=(200, 300), classes=20, dtype=torch.float32)
    loss = Cls2BoxLoss(refine=1.0)
    expected = loss(**given_)
    half = {name: given_[name].to(dtype) for name in ("class_logits", "proposal_logits", "detector_logits")}
    with torch.autocast("cpu", dtype):
        terms = loss(**given_ | half)
    assert all(term.dtype == torch.float32 for term in terms.values())
    torch.testing.assert_close(terms["loss_cls2box"], expected["loss_cls2box"], rtol=5e-3, atol=0)


def test_the_refinement_labels_come_from_the_coupled_scores_without_gradient():
    given_ = drawn(5)
    streams = [given_[name].requires_grad_() for name in ("class_logits", "proposal_logits", "detector_logits")]
    Cls2BoxLoss(refine=1.0)(**given_)["loss_refine"].backward()
    assert streams[0].grad is None
    assert streams[1].grad is None
    assert streams[2].grad.any()
    double = Cls2BoxLoss(refine=2.0)(**given_)["loss_refine"]
    torch.testing.assert_close(double, 2 * Cls2BoxLoss(refine=1.0)(**given_)["loss_refine"])


@pytest.mark.parametrize("coupling", ["product", "detector", "classifier"])
@pytest.mark.parametrize("refine", [0.0, 1.0])
def test_a_detached_detector_has_the_same_loss_and_learns_from_the_refinement_alone(coupling, refine):
    found = []
    for detach in (False, True):
        arguments = drawn()
        leaves = [arguments[f"{name}_logits"].requires_grad_() for name in ("class", "proposal", "detector")]
        loss = Cls2BoxLoss(coupling=coupling, refine=refine, detach_detector=detach)(**arguments)
        found.append((loss, torch.autograd.grad(loss["loss_cls2box"], leaves, retain_graph=True)))
        if refine:
            assert torch.autograd.grad(loss["loss_refine"], leaves[2])[0].any()
    torch.testing.assert_close(found[1][0], found[0][0])
    torch.testing.assert_close(found[1][1][:2], found[0][1][:2])
    assert found[0][1][2].any()
    assert not found[1][1][2].any()


def test_the_classifier_is_the_class_stream_without_its_background():
    given_ = drawn()
    wanted = Cls2BoxLoss(coupling="none")(**given_ | {"class_logits": given_["detector_logits"][:, :3]})
    loss = Cls2BoxLoss(coupling="classifier")
    torch.testing.assert_close(loss(**given_), wanted)
    given_["detector_logits"][:, 3] += 5
    torch.testing.assert_close(loss(**given_), wanted)
    given_["detector_logits"] = given_["detector_logits"][:, :3]
    torch.testing.assert_close(loss(**given_), wanted)


def test_sigmoid_detectors_pass_as_many_columns_as_classes():
    given_ = drawn()
    given_["detector_logits"] = torch.full((7, 3), 30.0, dtype=torch.float64)
    torch.testing.assert_close(
        Cls2BoxLoss()(**given_)["loss_cls2box"], Cls2BoxLoss(coupling="none")(**given_)["loss_cls2box"]
    )


def test_mean_and_sum_over_classes_by_hand():
    scores, tags = torch.tensor([[0.5, 0.25], [0.1, 0.1]]), torch.tensor([[True, False], [False, False]])
    nats = -torch.log(torch.tensor([0.5 * 0.75, 0.9 * 0.9]))
    torch.testing.assert_close(cls2box_loss(scores, tags), nats.mean())
    torch.testing.assert_close(cls2box_loss(scores, tags, "mean"), nats.mean() / 2)
    torch.testing.assert_close(cls2box_loss(scores, tags, counted=torch.tensor([True, False])), nats[0])


INFINITE = torch.full((7, 3), float("nan"), dtype=torch.float64)
BAD = [
    ({"class_logits": [1, 2]}, TypeError, r"class_logits: wanted a tensor of shape \(n t\), got list"),
    ({"proposal_logits": torch.zeros(7, 2)}, ValueError, r"proposal_logits: wanted shape \(n=7, t=3\), got \(7, 2\)"),
    (
        {"class_logits": torch.zeros(7, 3).long()},
        TypeError,
        "class_logits: wanted floating-point numbers, got torch.int64",
    ),
    ({"class_logits": INFINITE}, ValueError, r"class_logits: wanted finite numbers, got nan at \(0, 0\)"),
    ({"proposal_logits": INFINITE}, ValueError, "proposal_logits: wanted finite numbers"),
    ({"image_index": torch.zeros(7)}, TypeError, "image_index: wanted integers, got torch.float32"),
    ({"image_index": torch.tensor([0, 0, 0, 3, 0, 0, 0])}, ValueError, r"image_index\[3\]: wanted .* 0 to 2, got 3"),
    ({"image_index": torch.tensor([0, -1, 0, 0, 0, 0, 0])}, ValueError, r"image_index\[1\]: wanted .* 0 to 2, got -1"),
    ({"tags": torch.zeros(3, 4, dtype=torch.bool)}, ValueError, r"tags: wanted shape \(b=3, t=3\), got \(3, 4\)"),
    ({"tags": torch.zeros(3, 3)}, TypeError, "tags: wanted bool, got torch.float32"),
    ({"tags": torch.zeros(3, 3, dtype=torch.bool, device="meta")}, ValueError, "one device, got .*tags on meta"),
    ({"detector_logits": None}, TypeError, r"detector_logits: wanted a tensor of shape \(n 4\), got NoneType"),
    ({"detector_logits": torch.zeros(7, 3)}, ValueError, r"detector_logits: wanted shape \(n=7, 4\), got \(7, 3\)"),
    ({"boxes": None}, TypeError, r"boxes: wanted a tensor of shape \(n 4\), got NoneType"),
    ({"boxes": torch.tensor([[5.0, 5, 1, 9]] * 7)}, ValueError, r"boxes\[0\]: wanted x0 <= x1 and y0 <= y1"),
    ({"owned": torch.ones(2, dtype=torch.bool)}, ValueError, r"owned: wanted shape \(b=3\), got \(2,\)"),
    ({"owned": torch.ones(3)}, TypeError, "owned: wanted bool, got torch.float32"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_bad_arguments_are_named(wrong, error, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(error, match=message):
        Cls2BoxLoss(refine=1.0)(**drawn() | wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "max"}, "reduction: wanted one of sum, mean, got 'max'"),
        ({"coupling": "both"}, "coupling: wanted one of product, detector, classifier, none, got 'both'"),
        ({"temperature": 0.0}, "temperature: wanted a number from 0.001"),
        ({"eps": 0.5}, "eps: wanted a number from 1e-07 to 0.1, got 0.5"),
        ({"refine": -1.0}, "refine: wanted a number from 0.0 to inf, got -1.0"),
        ({"refine_iou": float("nan")}, "refine_iou: wanted a number from 0.0 to 1.0, got nan"),
    ],
)
def test_bad_options_are_named_at_construction(options, message):
    with pytest.raises(ValueError, match=message):
        Cls2BoxLoss(**options)


def test_an_unknown_reduction_is_named():
    with pytest.raises(ValueError, match="reduction: wanted one of sum, mean, got 'none'"):
        cls2box_loss(torch.full((1, 1), 0.5), torch.ones(1, 1, dtype=torch.bool), "none")
