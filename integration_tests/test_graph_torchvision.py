"""cqb-graph in a detector that is not ours: torchvision's Faster R-CNN with a semantic branch on its pyramid."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork

from cqb_graph import RelationLoss, RelationReasoning, Targets, average_logits

THINGS, STUFF, CHANNELS, REGION = 3, 4, 16, 32


class Pyramid(nn.Module):
    """Two strides of a very small backbone."""

    def __init__(self):
        super().__init__()
        self.out_channels = CHANNELS
        self.fine, self.coarse = nn.Conv2d(3, 8, 5, stride=4, padding=2), nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.pyramid = FeaturePyramidNetwork([8, 8], CHANNELS)

    def forward(self, images):
        fine = self.fine(images).relu()
        return self.pyramid({"0": fine, "1": self.coarse(fine).relu()})


class Network(nn.Module):
    """Faster R-CNN whose box features, and a semantic branch, pass a relation module."""

    def __init__(self, layers=2):
        super().__init__()
        self.detector = FasterRCNN(
            Pyramid(),
            rpn_anchor_generator=AnchorGenerator(((16,), (32,)), ((1.0,),) * 2),
            min_size=64,
            max_size=96,
            rpn_post_nms_top_n_test=20,
            rpn_pre_nms_top_n_test=50,
            box_head=nn.Sequential(nn.Flatten(), nn.Linear(CHANNELS * 49, REGION), nn.ReLU()),
            box_predictor=nn.Linear(REGION, THINGS + 1),
        )
        self.semantic = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.segment = nn.Conv2d(CHANNELS, STUFF, 1)
        self.relation = RelationReasoning(REGION, CHANNELS, THINGS, STUFF, node_dim=16, layers=layers)

    def forward(self, photographs):
        images, _ = self.detector.transform(photographs)
        pyramid = self.detector.backbone(images.tensors)
        boxes, _ = self.detector.rpn(images, pyramid)
        heads = self.detector.roi_heads
        region = heads.box_head(heads.box_roi_pool(pyramid, boxes, images.image_sizes))
        index = torch.arange(len(boxes)).repeat_interleave(torch.tensor([len(box) for box in boxes]))
        feature = self.semantic(pyramid["0"]).relu()
        logits = self.segment(feature)
        valid = torch.zeros(len(boxes), *images.tensors.shape[-2:])
        for mask, (height, width) in zip(valid, images.image_sizes, strict=True):
            mask[:height, :width] = 1
        valid = F.interpolate(valid[:, None], feature.shape[-2:])[:, 0] > 0
        made = self.relation.predict(region, feature, self.relation(region, index, feature, logits, valid))
        return index, heads.box_predictor(region), logits, made


@pytest.fixture
def photographs():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(3, 64, 64, generator=generator), torch.rand(3, 64, 90, generator=generator)]


def drawn(layers=2):
    torch.manual_seed(0)
    network = Network(layers).train()
    for part in (network.detector.rpn, network.detector.transform, network.detector.roi_heads):
        part.eval()
    return network


def learn(network, photographs, boxes, stuff):
    index, _, _, made = network(photographs)
    classes = torch.arange(len(index)) % (THINGS + 1) if boxes else torch.full((len(index),), -1)
    maps = torch.zeros(len(photographs), *made.semantic_logits.shape[2:], dtype=torch.long) if stuff else None
    RelationLoss()(made, Targets(classes, torch.ones(len(index), 4), maps)).total.backward()


def moved(*modules):
    return all(p.grad is not None and p.grad.abs().sum() > 0 for module in modules for p in module.parameters())


def still(*modules):
    return all(p.grad is None or not p.grad.any() for module in modules for p in module.parameters())


def test_both_outputs_average_with_the_detectors_own(photographs):
    index, classes, logits, made = drawn()(photographs)
    assert set(index.tolist()) == {0, 1}
    assert average_logits(classes[:, [1, 2, 3, 0]], made.class_logits).shape == (len(index), THINGS + 1)
    assert average_logits(logits, made.semantic_logits).shape == logits.shape
    assert made.box_deltas.shape == (len(index), 4)


def test_boxes_alone_train_the_semantic_branch_and_stuff_alone_the_box_branch(photographs):
    network = drawn()
    learn(network, photographs, boxes=True, stuff=False)
    assert moved(network.semantic, network.segment, network.detector.roi_heads.box_head)
    network = drawn()
    learn(network, photographs, boxes=False, stuff=True)
    assert moved(network.semantic, network.segment, network.detector.roi_heads.box_head)


def test_a_module_that_is_cut_trains_each_branch_on_its_own_labels_only(photographs):
    network = drawn(layers=0)
    learn(network, photographs, boxes=True, stuff=False)
    assert still(network.semantic, network.segment)
    network = drawn(layers=0)
    learn(network, photographs, boxes=False, stuff=True)
    assert still(network.detector.roi_heads.box_head)
