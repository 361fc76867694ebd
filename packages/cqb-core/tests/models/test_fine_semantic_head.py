import copy

import pytest
import torch
from mmdet.models.losses import CrossEntropyLoss
from mmdet.registry import MODELS
from torch.nn import functional

from cqb_core.models.fine_semantic_head import BalancedLoss
from cqb_core.models.panoptic_cascade import semantic_loss, semantic_target


@pytest.fixture
def head(model_config):
    def build(**changes):
        torch.manual_seed(0)
        counts = {"num_things_classes": 10, "num_stuff_classes": 7}
        return MODELS.build({**copy.deepcopy(model_config.semantic_head), **counts, **changes})

    return build


def thin_line():
    """Logits of stride 4 that are sure of class 10, and a map with a line of class 11 between the sampled columns."""
    logits = torch.full((1, 8, 8, 8), -4.0)
    logits[:, 0] = 4.0
    maps = torch.full((1, 1, 32, 32), 10, dtype=torch.uint8)
    maps[..., 6] = 11
    return logits, maps


def test_a_line_between_the_samples_of_stride_4_is_seen(head):
    logits, maps = thin_line()
    coarse, fine = (
        semantic_loss(made, logits, semantic_target(made, maps)) for made in (head(), head(type="FineSemanticHead"))
    )
    sure = torch.logsumexp(torch.tensor([4.0] + [-4.0] * 7), 0)
    torch.testing.assert_close(coarse, sure - 4)
    torch.testing.assert_close(fine, sure - 4 + 8 / 32)


def test_at_stride_4_it_is_the_stock_head(head):
    logits, _ = thin_line()
    maps = torch.randint(0, 17, (1, 1, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    stock, ours = head(), head(type="FineSemanticHead", loss_stride=4)
    assert stock.state_dict().keys() == ours.state_dict().keys()
    lost = [semantic_loss(made, logits, semantic_target(made, maps)) for made in (ours, stock)]
    torch.testing.assert_close(*lost)


def test_a_stride_below_one(head):
    with pytest.raises(ValueError, match=r"loss_stride: wanted 1 or more pixels, got 0"):
        head(type="FineSemanticHead", loss_stride=0)


def test_a_power_out_of_range(head):
    with pytest.raises(ValueError, match=r"class_balance: wanted a power from 0 to 1, got 2\.0"):
        head(type="FineSemanticHead", class_balance=2.0)


@pytest.fixture
def balanced():
    return BalancedLoss(CrossEntropyLoss(ignore_index=255, avg_non_ignore=True), 3, 0.5)


def test_weights_follow_the_pixels_seen(balanced):
    classes = torch.tensor([0] * 16 + [1] * 4 + [255] * 5)
    logits = torch.randn(25, 3, generator=torch.Generator().manual_seed(0))
    balanced.count(classes)
    loss = balanced(logits, classes)
    assert balanced.pixels.tolist() == [16, 4, 0]
    weight = balanced.class_weights()
    torch.testing.assert_close(weight[1] / weight[0], torch.tensor(2.0, dtype=torch.float64))
    pixelwise = functional.cross_entropy(logits, classes, ignore_index=255, reduction="none")
    picked = weight.float()[classes.clamp_max(1)] * (classes != 255)
    torch.testing.assert_close(loss, (pixelwise * picked).sum() / 20)


def test_counted_pixels_add_up_and_the_loss_counts_none(balanced):
    classes = torch.tensor([[0, 1, 255], [2, 2, 255]])
    for counted in (classes, None, classes.float()):
        balanced.count(counted)
    balanced(torch.zeros(4, 3), torch.tensor([0, 1, 2, 2]))
    assert balanced.pixels.tolist() == [2, 2, 4]
    assert balanced.state_dict()["pixels"].tolist() == [2, 2, 4]


def test_pixels_that_are_all_unknown(balanced):
    logits = torch.zeros(4, 3, requires_grad=True)
    loss = balanced(logits, torch.full((4,), 255))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


def test_untrained_refinement_enlarges_only(head):
    built = head(type="FineSemanticHead", detail_channels=3)
    logits = torch.randn(2, 8, 4, 6, generator=torch.Generator().manual_seed(0))
    refined = built.refine(logits, torch.randn(2, 3, 8, 12))
    torch.testing.assert_close(refined, functional.interpolate(logits, size=(8, 12), mode="bilinear"))


def test_refinement_learns_an_edge_between_the_logits_cells(head):
    """Column 3 of 8 parts two classes; the logits, four columns wide, cannot say so, the detail shows it."""
    built = head(type="FineSemanticHead", detail_channels=1)
    detail = torch.zeros(1, 1, 8, 8)
    detail[..., 3:] = 1
    truth = (detail[:, 0] > 0).long()
    logits = torch.zeros(1, 8, 4, 4)
    logits[:, 0, :, :2] = logits[:, 1, :, 2:] = 4
    assert (built.refine(logits, detail).argmax(1) != truth).any()
    optimiser = torch.optim.Adam(built.sharpen.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        functional.cross_entropy(built.refine(logits, detail), truth).backward()
        optimiser.step()
    assert torch.equal(built.refine(logits, detail).argmax(1), truth)


def test_the_cascade_trains_and_predicts_with_a_finer_map(model_config, build, batch, losses):
    model_config.backbone = {"type": "EfficientNetLite0", "pretrained": False, "with_stem": True}
    model_config.neck.update(type="DetailFPN", in_channels=[24, 40, 112, 320])
    model_config.semantic_head.update(type="FineSemanticHead", detail_channels=32)
    network = build(**model_config)
    made = losses(network, batch("B", "P", "S"))
    made["loss_seg"].backward()
    assert network.semantic_head.sharpen[-1].weight.grad.abs().sum() > 0
    assert sum(float(p.grad.abs().sum()) for p in network.semantic_head.conv_logits.parameters()) > 0
    with torch.no_grad():
        network.semantic_head.sharpen[-1].bias[2] = 99.0
    data = network.eval().data_preprocessor(batch("P"), False)
    with torch.no_grad():
        (found,) = network.predict(data["inputs"], data["data_samples"], rescale=False)[:1]
    things = network.num_things_classes
    assert (found.pred_panoptic_seg.sem_seg == things + 2).float().mean() > 0.5
