import pytest
import torch
from mmdet.registry import MODELS

from cqb_core import Labels
from cqb_core.models.stock import stock_config

PARTS = {
    "loss_rpn_cls": Labels.BOX,
    "loss_rpn_bbox": Labels.BOX,
    "loss_seg": Labels.STUFF,
    **{f"s{stage}.{name}": Labels.BOX for stage in range(3) for name in ("loss_cls", "loss_bbox")},
    **{f"s{stage}.loss_mask": Labels.MASK for stage in range(3)},
}


def test_losses_on_full_labels_equal_stock_mmdets(build, model_config, batch, losses):
    ours, theirs, collated = build(), MODELS.build(stock_config(model_config)).train(), batch("P", "P", "P", "P")
    theirs.load_state_dict(ours.state_dict(), strict=True)
    mine, stocks = losses(ours, collated), losses(theirs, collated)
    assert mine.keys() == stocks.keys()
    for name, value in stocks.items():
        assert float(mine[name]) == pytest.approx(float(value), rel=1e-5, abs=1e-7), name
    assert float(stocks["loss_seg"]) > 0
    assert float(stocks["s0.loss_mask"]) > 0


def test_gradients_on_full_labels_equal_stock_mmdets(build, model_config, batch, losses):
    ours, theirs, collated = build(), MODELS.build(stock_config(model_config)).train(), batch("P", "P")
    theirs.load_state_dict(ours.state_dict())
    for network in (ours, theirs):
        sum(value for name, value in losses(network, collated).items() if "loss" in name).backward()
    others = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, others[name].grad, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("names", [("P", "I", "B", "S"), ("I", "P", "none", "M"), ("S", "B+S", "I", "B"), ("B", "M")])
def test_an_image_has_no_term_in_a_loss_whose_label_it_lacks(names, build, batch, losses):
    network = build()
    mixed = losses(network, batch(*names))
    for label in set(PARTS.values()):
        having = tuple(own if label in Labels.parse(own).implied else "none" for own in names)
        alone = losses(network, batch(*having)) if set(having) != {"none"} else dict.fromkeys(PARTS, 0)
        for name in (name for name, needed in PARTS.items() if needed == label):
            assert float(mixed[name]) == pytest.approx(float(alone[name]), rel=1e-5), name


@pytest.mark.parametrize("names", [("I", "I"), ("S", "S"), ("B", "B"), ("B+S", "I")])
def test_absent_losses_are_exact_zeros_that_reach_every_parameter(names, build, batch, losses):
    network = build()
    made = losses(network, batch(*names))
    owned = [Labels.parse(name).implied for name in names]
    for name, label in PARTS.items():
        if not any(label in own for own in owned):
            assert float(made[name]) == 0, name
    sum(value for name, value in made.items() if "loss" in name).backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without


def test_loss_names_do_not_depend_on_the_batch(build, batch, losses):
    network = build()
    full = {name for name in losses(network, batch("P")) if "loss" in name}
    for names in (("I",), ("S",), ("B",), ("B", "S")):
        assert full - {name for name in losses(network, batch(*names)) if "loss" in name} == set(), names


def test_training_leaves_the_samples_as_they_are(build, batch):
    network, collated = build(), batch("P", "B")
    data = network.data_preprocessor(collated, True)
    before = [sample.gt_instances.labels.clone() for sample in data["data_samples"]]
    network.loss(data["inputs"], data["data_samples"])
    for sample, labels in zip(data["data_samples"], before, strict=True):
        torch.testing.assert_close(sample.gt_instances.labels, labels)


def test_prediction_codes_every_pixel_and_keeps_unsure_detections_out_of_the_map(build, batch):
    network = build().eval()
    network.test_cfg.rcnn.score_thr = 0.0
    network.roi_head.test_cfg.score_thr = 0.0
    network.test_cfg.panoptic.score_thr = 1.1
    samples = network.test_step(batch("P", "P"))
    for sample in samples:
        coded = sample.pred_panoptic_seg.sem_seg[0]
        assert tuple(coded.shape) == tuple(sample.ori_shape)
        assert len(sample.pred_instances) > 0
        classes = coded % 1000
        assert (classes >= network.num_things_classes).all()
        assert (coded < 1000).all()


def test_a_foreign_auxiliary_is_refused(build):
    with pytest.raises(TypeError, match="wanted a StageAuxiliary or SemanticAuxiliary, got ReLU"):
        MODELS.register_module(name="NotAnAuxiliary", module=type("ReLU", (torch.nn.ReLU,), {"__init__": no_host}))
        build(auxiliaries=[{"type": "NotAnAuxiliary"}])


def no_host(self, host):
    torch.nn.ReLU.__init__(self)
