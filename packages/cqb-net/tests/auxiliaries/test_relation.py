import torch
from mmengine.dataset import pseudo_collate

from cqb_core import Labels
from cqb_core.models import ImageLabels
from cqb_core.testing import losses_of, mixed_batch, train_set
from cqb_net.auxiliaries.relation import channel_maps

TEST = [{"type": "LoadPhoto"}, {"type": "Resize", "scale": (64, 64), "keep_ratio": True}, {"type": "PackOwnedLabels"}]


def grads(network, made, term):
    network.zero_grad()
    sum(value for name, value in made.items() if term in name).backward()
    semantic = sum(float(p.grad.abs().sum()) for p in network.semantic_head.parameters() if p.grad is not None)
    box = sum(float(p.grad.abs().sum()) for p in network.roi_head.bbox_head.parameters() if p.grad is not None)
    return semantic, box


def test_boxes_teach_the_semantic_branch_and_stuff_the_box_branch(network, scenes, tmp_path):
    built = network({"type": "Relation"})
    batch = mixed_batch(scenes, ["P"], tmp_path / "labels.json")
    assert grads(built, losses_of(built, batch), "relation.loss_cls")[0] > 0
    assert grads(built, losses_of(built, batch), "relation.loss_seg")[1] > 0


def test_the_cut_graph_teaches_neither(network, scenes, tmp_path):
    built = network({"type": "Relation", "layers": 0})
    batch = mixed_batch(scenes, ["P"], tmp_path / "labels.json")
    assert grads(built, losses_of(built, batch), "relation.loss_cls")[0] == 0
    assert grads(built, losses_of(built, batch), "relation.loss_seg")[1] == 0


def test_semantic_targets_are_channels_at_the_logits_size():
    things, stuff = 4, 3
    full = torch.full((8, 8), 255, dtype=torch.uint8)
    full[:4, :4], full[:4, 4:], full[4:, :4] = 3, things, things + stuff - 1
    images = [ImageLabels(1, Labels.PANOPTIC, (8, 8), semantic=full), ImageLabels(2, Labels.BOX, (8, 8))]
    found = channel_maps(images, torch.zeros(2, stuff + 1, 2, 2), things)
    assert found.tolist() == [[[stuff, 0], [stuff - 1, 255]], [[255, 255], [255, 255]]]
    assert channel_maps(images[1:], torch.zeros(1, stuff + 1, 2, 2), things) is None


def test_what_is_said_is_averaged_at_test(network, scenes):
    batch = pseudo_collate([train_set(scenes, pipeline=TEST)[place] for place in (0, 1)])
    maps = []
    for weight in (0.0, 50.0):
        built = network({"type": "Relation"}).eval()
        for stage in built.roi_head.auxiliaries:
            torch.nn.init.zeros_(stage[0].reasoning.predictor.segment.weight)
            stage[0].reasoning.predictor.segment.bias.data[2] = weight
        ready = built.data_preprocessor(batch, False)
        with torch.no_grad():
            found = built.predict(ready["inputs"], ready["data_samples"])
        maps.append(torch.stack([sample.pred_panoptic_seg.sem_seg for sample in found]))
    things = built.num_things_classes
    assert (maps[1] == things + 2).float().mean() > 0.9
    assert (maps[0] == things + 2).float().mean() < 0.9
