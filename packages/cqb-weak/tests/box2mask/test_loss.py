import json
import os
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_weak.box2mask import Box2MaskLoss, bags, colour_alike, structure_loss, tightness_loss

REFERENCE = Path(os.environ.get("CQB_REFERENCE", Path(__file__).parents[4].parent / "shared" / "reference"))
# What the public code of Hsu et al. 2019 gave on the logits and boxes below, to 1e-5.
MIL = 0.38103753328323364
STRUCTURE = 0.2044132724404335
STRUCTURE_FIRST_RELEASE = 0.10801972448825836
STRUCTURE_WITHOUT_BORDER = 0.18532884120941162
MIL_GRADIENT_L2, STRUCTURE_GRADIENT_L2 = 0.01603175981432724, 0.00011219138936899742
GT = torch.tensor([[40.0, 30, 200, 180], [150, 60, 300, 220], [10, 100, 90, 230]])[[0, 0, 0, 1, 1, 2]]
CLASSES = torch.tensor([7, 7, 7, 15, 15, 3])
ROIS = torch.tensor(
    [
        [40.0, 30, 200, 180],
        [20, 20, 190, 200],
        [60, 50, 230, 170],
        [140, 70, 310, 230],
        [160, 40, 280, 200],
        [5, 90, 100, 239],
    ]
)
PUBLIC_CODE = Box2MaskLoss(structure_weight=1.0, padding="zero")


def logits() -> torch.Tensor:
    return torch.tensor((np.random.RandomState(0).randn(6, 21, 28, 28) * 2).astype(np.float32), requires_grad=True)


def small(seed: int = 0, n: int = 4) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    low = torch.rand(n, 2, generator=g) * 20
    rois = torch.cat([low, low + 10 + torch.rand(n, 2, generator=g) * 20], 1)
    boxes = rois + torch.tensor([2.0, 1, -3, -2])
    return {
        "mask_logits": torch.randn(n, 3, 7, 7, generator=g),
        "rois": rois,
        "gt_boxes": boxes,
        "classes": torch.randint(0, 3, (n,), generator=g),
        "colours": torch.rand(n, 3, 7, 7, generator=g) * 4,
    }


@pytest.mark.skipif(not (REFERENCE / "oracles.json").is_file(), reason="no shared/reference here")
def test_the_numbers_above_are_those_of_the_reference():
    oracle = json.loads((REFERENCE / "oracles.json").read_text())["oracles"]["bbtp"]["result"]
    assert oracle["mil_loss_weighted_1p0"] == MIL
    assert oracle["pairwise_unweighted"] == STRUCTURE
    assert oracle["pairwise_unweighted_first_release_p_weighted"] == STRUCTURE_FIRST_RELEASE
    assert oracle["pairwise_unweighted_without_border_pairs_same_denominator"] == STRUCTURE_WITHOUT_BORDER
    assert oracle["grad_mil"]["l2"] == MIL_GRADIENT_L2
    assert oracle["grad_pair"]["l2"] == STRUCTURE_GRADIENT_L2


@pytest.mark.parametrize(
    ("loss", "structure"),
    [
        (Box2MaskLoss(), 0.05 * STRUCTURE_WITHOUT_BORDER),
        (PUBLIC_CODE, STRUCTURE),
        (Box2MaskLoss(structure_weight=1.0, padding="zero", confidence_weighted=True), STRUCTURE_FIRST_RELEASE),
    ],
)
def test_public_codes_losses(loss, structure):
    terms = loss(logits(), ROIS, GT, CLASSES)
    assert terms["loss_mil"].item() == pytest.approx(MIL, rel=1e-5)
    assert terms["loss_structure"].item() == pytest.approx(structure, rel=1e-5)


@pytest.mark.parametrize(
    ("weight", "term", "l2"), [(1.0, "loss_mil", MIL_GRADIENT_L2), (0.05, "loss_structure", STRUCTURE_GRADIENT_L2)]
)
def test_public_codes_gradients(weight, term, l2):
    z = logits()
    Box2MaskLoss(structure_weight=weight, padding="zero")(z, ROIS, GT, CLASSES)[term].backward()
    assert z.grad.double().norm().item() == pytest.approx(l2, rel=1e-5)


def test_the_terms_are_the_functions_of_the_matched_channel():
    given_ = small()
    z = given_["mask_logits"][range(4), given_["classes"]]
    terms = Box2MaskLoss(structure_weight=0.3, pooling="quasimax", angles=(15.0,))(**given_)
    rows, cols = bags(given_["rois"], given_["gt_boxes"], (7, 7))
    assert terms["loss_mil"] == tightness_loss(z, rows, cols, pooling="quasimax", angles=(15.0,))
    assert terms["loss_structure"] == structure_loss(z, colour_alike(given_["colours"])) * 0.3


def test_masks_of_one_channel_need_no_class():
    given_ = small()
    matched = given_["mask_logits"][range(4), given_.pop("classes")]
    assert Box2MaskLoss()(**{**given_, "mask_logits": matched})["loss_mil"] > 0


def test_only_the_matched_channel_gets_a_gradient():
    given_ = small()
    z = given_.pop("mask_logits").requires_grad_()
    sum(Box2MaskLoss()(z, **given_).values()).backward()
    touched = z.grad.flatten(2).abs().sum(2) > 0
    assert torch.equal(touched, torch.nn.functional.one_hot(given_["classes"], 3).bool())


@pytest.mark.parametrize("options", [{}, {"pooling": "alpha-softmax", "angles": (-30.0,)}, {"padding": "zero"}])
def test_gradient(options):
    given_ = {name: x.double() if x.is_floating_point() else x for name, x in small(3, 1).items()}
    given_ = {name: x[..., :4, :4] if x.ndim == 4 else x for name, x in given_.items()}
    z = given_.pop("mask_logits").requires_grad_()
    assert torch.autograd.gradcheck(lambda x: sum(Box2MaskLoss(**options)(x, **given_).values()), z)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_the_order_of_rois_and_classes_is_of_no_effect(seed):
    given_ = small(seed)
    wanted = [term.item() for term in Box2MaskLoss()(**given_).values()]
    g = torch.Generator().manual_seed(seed)
    rois, channels = torch.randperm(4, generator=g), torch.randperm(3, generator=g)
    shuffled = {name: x[rois] for name, x in given_.items()}
    shuffled["mask_logits"] = shuffled["mask_logits"][:, channels]
    shuffled["classes"] = channels.argsort()[shuffled["classes"]]
    assert [term.item() for term in Box2MaskLoss()(**shuffled).values()] == pytest.approx(wanted, rel=1e-5)


def test_no_rois_give_exact_zeros_and_a_connected_graph():
    given_ = {name: x[:0] for name, x in small().items()}
    z = given_.pop("mask_logits").requires_grad_()
    terms = Box2MaskLoss(angles=(10.0,))(z, **given_)
    sum(terms.values()).backward()
    assert [term.item() for term in terms.values()] == [0, 0]
    assert z.grad.shape == (0, 3, 7, 7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_is_close(dtype):
    torch.manual_seed(0)
    head, given_ = torch.nn.Conv2d(3, 3, 3, padding=1), small()
    x = given_.pop("mask_logits")
    wanted = [term.item() for term in Box2MaskLoss(angles=(20.0,))(head(x), **given_).values()]
    with torch.autocast("cpu", dtype):
        got = Box2MaskLoss(angles=(20.0,))(head(x), **given_)
    assert all(term.dtype == torch.float32 for term in got.values())
    assert [term.item() for term in got.values()] == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (5, 0.5), (10, 1.0), (400, 1.0)])
def test_structure_warms_up(step, share):
    whole = Box2MaskLoss()(**small())["loss_structure"]
    part = Box2MaskLoss(warmup=10)(**small(), step=step)["loss_structure"]
    assert part.item() == pytest.approx(share * whole.item())


def changed(**values: object) -> dict[str, object]:
    return {**small(), **values}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (changed(rois=torch.tensor([[5.0, 5, 2, 9]] * 4)), r"rois\[0\]: wanted .* got \[5.0, 5.0, 2.0, 9.0\]"),
        (changed(gt_boxes=torch.tensor([[5.0, 5, torch.nan, 9]] * 4)), r"gt_boxes\[0\]: wanted finite"),
        (changed(classes=torch.tensor([0, 1, 3, 0])), r"classes\[2\]: wanted a whole number from 0 to 2, got 3"),
        (changed(mask_logits=torch.full((4, 3, 7, 7), torch.nan)), "mask_logits: wanted finite numbers, got nan"),
        (changed(gt_boxes=small()["gt_boxes"].to("meta")), "one device, got .*gt_boxes on meta"),
    ],
)
def test_bad_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        Box2MaskLoss()(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (changed(rois=torch.zeros(3, 4)), ValueError, r"rois: wanted shape \(n=4, 4\), got \(3, 4\)"),
        (changed(classes=torch.zeros(4)), TypeError, "classes: wanted integers, got torch.float32"),
        (changed(classes=None), ValueError, r"mask_logits: wanted shape \(n, h, w\), got \(4, 3, 7, 7\)"),
        (changed(mask_logits=torch.zeros(4, 3, 7, 7).long()), TypeError, "mask_logits: wanted floating-point"),
        (changed(colours=torch.zeros(4, 3, 7, 6)), ValueError, r"colours: wanted shape \(n=4, 3, h=7, w=7\)"),
        (changed(rois=None), TypeError, "rois: wanted a tensor"),
    ],
)
def test_bad_types_and_shapes(arguments, error, message, monkeypatch):
    """As in a user's process: without the tests' type checker, which would speak first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(error, match=message):
        Box2MaskLoss()(**arguments)


def test_bad_options():
    with pytest.raises(ValueError, match="padding: wanted one of none, zero, got 'wrap'"):
        Box2MaskLoss(padding="wrap")
    with pytest.raises(ValueError, match="pooling: wanted one of max, .*got 'mean'"):
        Box2MaskLoss(pooling="mean")
    with pytest.raises(ValueError, match="structure_weight: .* got -1.0"):
        Box2MaskLoss(structure_weight=-1.0)
    with pytest.raises(ValueError, match=r"angles\[0\]: .* got 90"):
        Box2MaskLoss(angles=(90.0,))
    with pytest.raises(ValueError, match="step: wanted the number of steps made, since warmup is 10, got None"):
        Box2MaskLoss(warmup=10)(**small())
