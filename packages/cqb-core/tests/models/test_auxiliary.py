"""The seam, seen through auxiliaries that record what they are shown and answer something known."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict

from cqb_core import InputError, Labels
from cqb_core.models import panoptic_cascade
from cqb_core.models.auxiliary import UNSAMPLED, Enhanced, Mean, SemanticAuxiliary, StageAuxiliary, split_means

SEEN = []


@MODELS.register_module()
class SpyStage(StageAuxiliary):
    name = "spy"
    needs = Labels.IMAGE
    reads_semantic = True

    def __init__(self, host, push=None):
        super().__init__()
        self.host, self.push = host, push
        self.weight = torch.nn.Parameter(torch.ones(host.region_dim))

    def loss(self, view):
        SEEN.append(view)
        return {"loss": (view.region * self.weight).mean()}

    def enhance(self, view):
        SEEN.append(view)
        if self.push is None:
            return Enhanced()
        logits = torch.zeros_like(view.class_logits)
        logits[:, self.push] = 50
        return Enhanced(class_logits=logits, semantic_logits=torch.full_like(view.semantic.logits, 7.0))


@MODELS.register_module()
class SpySemantic(SemanticAuxiliary):
    name = "tags"
    needs = Labels.IMAGE
    absent = Labels.STUFF

    def __init__(self, host, stuff=None):
        super().__init__()
        self.head = torch.nn.Conv2d(host.semantic_dim, host.num_stuff, 1)
        self.stuff = stuff

    def loss(self, view):
        SEEN.append(view)
        return {"loss": self.head(view.feature).mean()}

    def enhance(self, view):
        if self.stuff is None:
            return Enhanced()
        logits = torch.zeros_like(view.logits)
        logits[:, self.stuff] = 500
        return Enhanced(semantic_logits=logits)


@MODELS.register_module()
class SpyUnboxed(SpyStage):
    name = "unboxed"
    absent = Labels.BOX


@pytest.fixture(autouse=True)
def forget():
    SEEN.clear()


def test_asks_for_what_it_needs_and_not_for_what_it_excludes():
    class Boxy(StageAuxiliary):
        needs, absent = Labels.BOX, Labels.MASK

    asks = Boxy.asks_for
    assert asks(Boxy, Labels.BOX)
    assert asks(Boxy, Labels.BOX | Labels.STUFF)
    assert not asks(Boxy, Labels.PANOPTIC)
    assert not asks(Boxy, Labels.MASK)
    assert not asks(Boxy, Labels.IMAGE)


def test_a_stage_auxiliary_sees_every_stage_with_unboxed_images_unsampled(build, batch, losses):
    network = build(auxiliaries=[{"type": "SpyStage"}])
    made = losses(network, batch("P", "I", "S"))
    assert [view.stage for view in SEEN] == [0, 1, 2]
    for view in SEEN:
        assert set(view.image_index.tolist()) == {0, 1}
        tagged = view.image_index == 1
        assert (view.class_targets[tagged] == UNSAMPLED).all()
        assert (view.class_targets[~tagged] != UNSAMPLED).all()
        assert (view.matched[tagged] == -1).all()
        positive = view.class_targets[~tagged] < network.num_things_classes
        assert ((view.matched[~tagged] >= 0) == positive).all()
        assert len(view.region) == len(view.boxes) == len(view.class_logits) == len(view.box_deltas)
        assert view.region.shape[1] == network.roi_head.auxiliaries[0][0].host.region_dim
        assert view.images[1].boxes is None
        assert view.images[1].thing_tags is not None
        assert sorted(view.semantic.index) == [0, 1, 2]
        masks = view.mask_logits(torch.arange(2))
        assert masks.shape[:2] == (2, network.num_things_classes)
        torch.testing.assert_close(view.mask_logits(torch.arange(2), view.boxes[:2]), masks)
        assert (view.mask_logits(torch.arange(2), view.boxes[:2] / 2) != masks).any()
    assert (SEEN[0].boxes[SEEN[0].image_index == 1] != SEEN[1].boxes[SEEN[1].image_index == 1]).any()
    assert {"s0.spy.loss", "s1.spy.loss", "s2.spy.loss"} <= made.keys()


def test_stage_losses_carry_the_stage_weights_and_each_stage_its_own_instance(build, batch, losses):
    network = build(auxiliaries=[{"type": "SpyStage"}])
    made = losses(network, batch("P"))
    for view, weight in zip(SEEN, (1, 0.5, 0.25), strict=True):
        expected = weight * view.region.mean()
        torch.testing.assert_close(made[f"s{view.stage}.spy.loss"], expected)
    assert len({id(stage[0]) for stage in network.roi_head.auxiliaries}) == 3


def test_losses_weigh_by_the_share_of_the_batch_in_every_stage_and_on_pixels(build, batch, losses):
    spies = [{"type": "SpyUnboxed"}, {"type": "SpySemantic"}]
    mixed = batch("I", "P", "P", "B")
    weighed, full = (losses(build(auxiliaries=spies, full_share=share), mixed) for share in (0.5, 0))
    names = {"tags.loss", *(f"s{stage}.unboxed.loss" for stage in range(3))}
    for name, value in full.items():
        torch.testing.assert_close(weighed[name], value / 2 if name in names else value)
    assert all(full[name] != 0 for name in names)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(build, share):
    with pytest.raises(InputError, match="full_share: wanted a share from 0 to 1"):
        build(full_share=share)


def test_base_losses_do_not_change_when_unboxed_images_pass_the_cascade(build, batch, losses):
    with_spy = losses(build(auxiliaries=[{"type": "SpyStage"}]), batch("P", "I", "B"))
    without = losses(build(), batch("P", "I", "B"))
    for name, value in without.items():
        torch.testing.assert_close(with_spy[name], value, rtol=1e-5, atol=1e-6)


def test_boxes_after_a_gap_in_the_batch_are_refined_as_without_the_gap(build, batch, losses):
    network = build(auxiliaries=[{"type": "SpyStage"}])
    gap, none = losses(network, batch("I", "B", "P")), losses(network, batch("none", "B", "P"))
    for name in ("s2.loss_cls", "s2.loss_bbox", "s2.loss_mask"):
        torch.testing.assert_close(gap[name], none[name], rtol=1e-5, atol=1e-6)


def test_a_semantic_auxiliary_sees_the_images_that_it_asks_for_and_those_with_stuff(build, batch, losses):
    network = build(auxiliaries=[{"type": "SpySemantic"}])
    made = losses(network, batch("B", "I", "P"))
    (view,) = SEEN
    assert view.index == [1, 2]
    assert view.images[0].stuff_tags is not None
    assert view.images[0].semantic is None
    assert view.feature.shape[0] == view.logits.shape[0] == 2
    pixels = view.pixels()
    assert pixels.shape == (2, 3, 64, 64)
    assert pixels.min() > -0.01
    assert pixels.max() < 255.01
    assert float(made["tags.loss"]) != 0
    made["tags.loss"].backward()
    assert network.semantic_auxiliaries[0].head.weight.grad.abs().sum() > 0


def test_pixels_are_rgb_of_the_photograph(build, batch, losses, scenes, scene_index):
    from cqb_core.data.images import read_image

    losses(build(auxiliaries=[{"type": "SpySemantic"}]), batch("I"))
    entry = scene_index.entries[0]
    expected = torch.from_numpy(read_image(scenes / "train" / entry.file_name)).permute(2, 0, 1).float()
    torch.testing.assert_close(SEEN[0].pixels()[0], expected, rtol=0, atol=1e-2)


def test_scores_of_auxiliaries_are_averaged_with_the_networks_at_test(build, batch):
    collated = batch("P")
    thing, stuff = 3, 2
    network = build(auxiliaries=[{"type": "SpyStage", "push": thing}, {"type": "SpySemantic", "stuff": stuff}]).eval()
    (sample,) = network.test_step(collated)
    assert len(sample.pred_instances) > 0
    assert (sample.pred_instances.labels == thing).all()
    assert (sample.pred_instances.scores > 0.9).all()
    left = sample.pred_panoptic_seg.sem_seg[0]
    assert (left[left < 1000] == network.num_things_classes + stuff).all()


def test_an_auxiliary_without_opinion_changes_nothing_at_test(build, batch):
    collated = batch("P")
    plain = build().eval()
    spied = build(auxiliaries=[{"type": "SpyStage"}]).eval()
    spied.load_state_dict(plain.state_dict(), strict=False)
    (a,), (b,) = plain.test_step(collated), spied.test_step(collated)
    assert torch.equal(a.pred_panoptic_seg.sem_seg, b.pred_panoptic_seg.sem_seg)
    assert all(view.class_targets.eq(UNSAMPLED).all() for view in SEEN)


def test_a_batch_without_labels_gives_zeros_that_reach_the_backbone(build, batch, losses):
    network = build(auxiliaries=[{"type": "SpySemantic"}])
    made = losses(network, batch("B"))
    assert float(made["loss_seg"]) == 0
    sum(value for name, value in made.items() if "loss" in name).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_an_image_without_boxes_passes_on_its_best_proposals(build, batch, losses, model_config):
    roi_head = ConfigDict(model_config.roi_head | {"unsampled": 5})
    losses(build(auxiliaries=[{"type": "SpyStage"}], roi_head=roi_head), batch("I", "P"))
    few = SEEN[0]
    SEEN.clear()
    losses(build(auxiliaries=[{"type": "SpyStage"}]), batch("I", "P"))
    (many, *_) = SEEN
    assert (few.image_index == 0).sum() == 5
    assert torch.equal(few.boxes[few.image_index == 0], many.boxes[many.image_index == 0][:5])
    assert torch.equal(few.boxes[few.image_index == 1], many.boxes[many.image_index == 1])


@MODELS.register_module()
class SpyMean(StageAuxiliary):
    name, needs, means = "mean", Labels.MASK, ("loss_b", "loss_a")

    def __init__(self, host):
        super().__init__()

    def loss(self, view):
        zero = view.region.sum() * 0
        return {"loss_a": Mean(zero + 1, 3), "loss_b": Mean(zero + 2, torch.tensor(5)), "loss_c": zero + 3}


@pytest.mark.parametrize(("sets", "first"), [(("P", "S"), [3, 5]), (("S", "S"), [0, 0])])
def test_every_batch_counts_the_same_means(build, batch, losses, monkeypatch, sets, first):
    counted = []
    monkeypatch.setattr(panoptic_cascade, "over_all_processes", lambda terms, counts: counted.append(counts) or terms)
    made = losses(build(auxiliaries=[{"type": "SpyMean"}]), batch(*sets))
    means = {name: int(count) for name, count in counted[0].items() if ".mean." in name}
    assert means == {f"s{stage}.mean.loss_{x}": first[x == "b"] for stage in range(3) for x in "ab"}
    if first[0]:
        assert [float(made[f"s1.mean.loss_{x}"]) for x in "abc"] == [0.5, 1.0, 1.5]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"loss_b": torch.ones(())}, r"tags\.loss_b: wanted a Mean, as Told\.means says, got a tensor"),
        ({"loss_c": Mean(torch.ones(()), 1)}, r"tags\.loss_c: wanted a tensor, as Told\.means says, got a Mean"),
    ],
)
def test_a_mean_that_is_not_what_was_told(loss, message):
    class Told(SpySemantic):
        means = ("loss_b",)

        def __init__(self):
            torch.nn.Module.__init__(self)

    with pytest.raises(TypeError, match=message):
        split_means(Told(), loss)
