"""Masks made from boxes: whose, where, how often, and that the mask heads learn from them."""

import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, mask_target
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from torchvision.ops import roi_align

from cqb_bench.methods.grabcut_faster_rcnn.cut import GrabCut
from cqb_bench.methods.grabcut_mask_rcnn import METHOD
from cqb_bench.methods.grabcut_mask_rcnn import transform as module
from cqb_core import InputError, Labels
from cqb_core.testing import losses_of, tiny_network, train_set, write_labels

PIPELINE = [{"type": "LoadPhoto"}, {"type": "LoadOwnedLabels"}, {"type": "PackOwnedLabels"}]


def configured(pipeline):
    config = {"train_dataloader": {"dataset": {"pipeline": pipeline}}}
    return METHOD.configure(config)["train_dataloader"]["dataset"]["pipeline"]


@pytest.fixture
def samples(scenes, tmp_path):
    """A function from label set names to the samples of as many scenes."""

    def load(*names, pipeline=None):
        labels = write_labels(scenes, names, tmp_path / "labels.json")
        data = train_set(scenes, labels, pipeline=configured(PIPELINE) if pipeline is None else pipeline)
        return [data[place] for place in range(len(data))]

    return load


def entry(image, boxes, labels=Labels.BOX, crowds=(), name="a"):
    return {
        "img": image,
        "img_path": name,
        "height": image.shape[0],
        "width": image.shape[1],
        "label_set": labels.value,
        "instances": [
            {"bbox": box, "bbox_label": 0, "ignore_flag": int(place in crowds)} for place, box in enumerate(boxes)
        ],
    }


def squares():
    """Two dark squares on a light ground, and boxes a little larger than they are."""
    image = np.full((40, 50, 3), (200, 180, 20), np.uint8)
    image[10:22, 12:24] = (10, 20, 160)
    image[24:34, 30:42] = (20, 120, 10)
    return image, [[9, 7, 27, 25], [27, 21, 45, 37]]


def test_masks_of_the_boxes_in_their_order():
    image, boxes = squares()
    results = module.LoadAndCutLabels(least=0.3)(entry(image, boxes))
    truth = np.zeros((2, 40, 50), np.uint8)
    truth[0, 10:22, 12:24] = truth[1, 24:34, 30:42] = 1
    np.testing.assert_array_equal(results["gt_masks"].masks, truth)
    assert results["gt_bboxes"].tensor.tolist() == boxes
    assert Labels(results["label_set"]) == Labels.BOX | Labels.MASK
    assert results["grabcut"] == {"cut": 2}


def test_a_crowd_is_not_cut_and_counted_apart():
    image, boxes = squares()
    results = module.LoadAndCutLabels(least=0.3)(entry(image, boxes, crowds=[1]))
    assert results["gt_masks"].masks[1].sum() == 18 * 16
    assert results["grabcut"] == {"cut": 1, "crowd": 1}


def test_no_box_no_mask():
    results = module.LoadAndCutLabels()(entry(squares()[0], []))
    assert results["gt_masks"].masks.shape == (0, 40, 50)


@pytest.mark.parametrize("name", ["P", "I", "S", "M", "I+S"])
def test_images_with_true_masks_or_without_boxes_are_as_before(name, samples):
    ours, theirs = samples(name)[0], samples(name, pipeline=PIPELINE)[0]
    assert ours["data_samples"].label_set == theirs["data_samples"].label_set
    assert "grabcut" not in ours["data_samples"].metainfo
    kept = [set(each["data_samples"].gt_instances.keys()) for each in (ours, theirs)]
    assert kept[0] == kept[1]
    if "masks" in theirs["data_samples"].gt_instances:
        pairs = (each["data_samples"].gt_instances.masks.masks for each in (ours, theirs))
        np.testing.assert_array_equal(*pairs)


def test_a_box_image_owns_masks_and_what_it_owned(samples):
    for name, owned in (("B", Labels.BOX | Labels.MASK), ("B+S", Labels.BOX | Labels.MASK | Labels.STUFF)):
        sample = samples(name)[0]["data_samples"]
        assert Labels(sample.label_set) == owned
        assert len(sample.gt_instances.masks) == len(sample.gt_instances.bboxes) > 0
        assert sum(sample.metainfo["grabcut"].values()) == len(sample.gt_instances) + len(sample.ignored_instances)
        assert ("gt_sem_seg" in sample) == (Labels.STUFF in owned)


def test_masks_turn_with_the_image(samples):
    flipped = [*PIPELINE[:2], {"type": "RandomFlip", "prob": 1.0}, PIPELINE[2]]
    straight, turned = samples("B")[0]["data_samples"], samples("B", pipeline=configured(flipped))[0]["data_samples"]
    np.testing.assert_array_equal(turned.gt_instances.masks.masks, straight.gt_instances.masks.masks[..., ::-1])


@pytest.fixture
def calls(monkeypatch):
    """The boxes that GrabCut is called with."""
    seen, cut = [], GrabCut.__call__

    def spy(self, image, box):
        seen.append(box)
        return cut(self, image, box)

    monkeypatch.setattr(GrabCut, "__call__", spy)
    return seen


def test_an_image_is_cut_once_and_gives_the_same_masks(calls):
    image, boxes = squares()
    load = module.LoadAndCutLabels(least=0.3)
    first, again = load(entry(image, boxes)), load(entry(image, boxes))
    assert len(calls) == 2
    np.testing.assert_array_equal(first["gt_masks"].masks, again["gt_masks"].masks)
    assert again["grabcut"] == {"cut": 2}
    load(entry(image, boxes, name="b"))
    assert len(calls) == 4


def test_what_is_kept_has_a_bound(calls):
    image, boxes = squares()
    needed = -(-18 * 18 // 8) + -(-18 * 16 // 8)  # bytes, eight pixels each
    load = module.LoadAndCutLabels(room=1.5 * needed / 1e6)
    for name in ("a", "b", "a", "b"):
        load(entry(image, boxes, name=name))
    assert list(load.kept) == ["a"]
    assert len(calls) == 2 + 2 + 0 + 2
    assert load.room == int(1.5 * needed) - needed


def test_the_mask_heads_learn_from_boxes_and_images_without_boxes_have_no_part(samples, scenes):
    network = tiny_network()

    def mask_loss(*names):
        return losses_of(network, pseudo_collate(samples(*names)))

    boxed = mask_loss("B")
    assert all(float(boxed[f"s{stage}.loss_mask"].detach()) > 0 for stage in range(3))
    sum(boxed[f"s{stage}.loss_mask"] for stage in range(3)).backward()
    assert all(parameter.grad.any() for parameter in network.roi_head.mask_head[0].parameters())
    beside = mask_loss("B", "I", "S")
    torch.testing.assert_close(beside["s0.loss_mask"], boxed["s0.loss_mask"], rtol=1e-4, atol=1e-5)
    plain = pseudo_collate(samples("B", pipeline=PIPELINE))
    assert float(losses_of(network, plain)["s0.loss_mask"]) == 0


def shapes(count, seed):
    """Discs and diamonds on noise: images (`h w 3`), tight boxes, true masks."""
    random, made = np.random.default_rng(seed), []
    for place in range(count):
        radius = int(random.integers(10, 16))
        y, x = np.mgrid[:48, :48] - np.array(random.integers(18, 30, 2))[:, None, None]
        inside = (abs(y) + abs(x) < radius) if place % 2 else (y**2 + x**2 < radius**2)
        colours = np.where(inside[..., None], random.integers(150, 220, 3), random.integers(20, 90, 3))
        image = (colours + random.normal(0, 8, colours.shape)).clip(0, 255).astype(np.uint8)
        rows, columns = inside.any(1).nonzero()[0], inside.any(0).nonzero()[0]
        made.append((image, [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1], inside))
    return made


def crops(made):
    """The photographs in their boxes as features of RoIs, `n 3 14 14`."""
    return torch.cat([
        roi_align(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255, [torch.tensor([box]).float()], 14)
        for image, box, _ in made
    ])  # fmt: skip


def targets(masks, made):
    config = ConfigDict(mask_size=28)
    boxes = [torch.tensor([box]).float() for _, box, _ in made]
    return mask_target(boxes, [torch.zeros(1, dtype=torch.long)] * len(made), masks, config)


def trained_overlap(shuffle):
    """Mean IoU, on new shapes, of a mask head trained on cut masks alone, or on those of other shapes."""
    torch.manual_seed(0)
    train, test = shapes(40, 0), shapes(20, 1)
    load = module.LoadAndCutLabels()
    masks = [load(entry(image, [box], name=str(n)))["gt_masks"] for n, (image, box, _) in enumerate(train)]
    wanted = targets(masks, train)
    if shuffle:
        wanted = wanted[torch.randperm(len(wanted))]
    head = FCNMaskHead(num_convs=2, in_channels=3, conv_out_channels=16, num_classes=1)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    inputs = crops(train)
    for _ in range(80):
        optimizer.zero_grad()
        head.loss_mask(head(inputs), wanted, torch.zeros(len(wanted), dtype=torch.long)).backward()
        optimizer.step()
    truth = targets([BitmapMasks(mask[None].astype(np.uint8), 48, 48) for *_, mask in test], test) > 0.5
    with torch.no_grad():
        found = head(crops(test))[:, 0] > 0
    return float(((found & truth).flatten(1).sum(1) / (found | truth).flatten(1).sum(1)).mean())


def test_a_mask_head_learns_shapes_that_it_was_only_given_boxes_of():
    right, shuffled = trained_overlap(False), trained_overlap(True)
    filled = np.mean([mask.sum() / ((b[2] - b[0]) * (b[3] - b[1])) for _, b, mask in shapes(20, 1)])
    assert right > 0.9, (right, shuffled, filled)
    assert right > shuffled + 0.08
    assert right > filled + 0.15


def test_room_is_checked():
    with pytest.raises(ValueError, match="room: wanted megabytes, 0 or more, got -1.0"):
        module.LoadAndCutLabels(room=-1.0)
    with pytest.raises(ValueError, match="iterations: wanted 1 or more, got 0"):
        TRANSFORMS.build({"type": "LoadAndCutLabels", "iterations": 0})


@pytest.mark.parametrize("names", [
    ["LoadOwnedLabels", "PackOwnedLabels"],
    ["LoadOwnedLabels", "LoadPhoto", "PackOwnedLabels"],
    ["LoadPhoto", "LoadAnnotations", "PackDetInputs"],
    [],
])  # fmt: skip
def test_a_pipeline_that_loads_otherwise_is_refused(names):
    message = (
        r"grabcut-mask-rcnn: train_dataloader\.dataset\.pipeline: wanted LoadPhoto, LoadOwnedLabels, PackOwnedLabels "
        rf"in this order, got {', '.join(names) or 'none'}"
    )
    with pytest.raises(InputError, match=message):
        configured([{"type": name} for name in names])


def test_the_config_stays_and_its_pipeline_keeps_its_places():
    pipeline = [PIPELINE[0], PIPELINE[1], {"type": "Resize", "scale": (9, 9)}, {**PIPELINE[2], "meta_keys": ("x",)}]
    config = {"train_dataloader": {"dataset": {"pipeline": pipeline}}, "grabcut": {"side": 99}}
    made = METHOD.configure(config)
    assert config["train_dataloader"]["dataset"]["pipeline"][1] == {"type": "LoadOwnedLabels"}
    assert "custom_hooks" not in config
    assert made["train_dataloader"]["dataset"]["pipeline"] == [
        {"type": "LoadPhoto"},
        {"type": "LoadAndCutLabels", "side": 99},
        {"type": "Resize", "scale": (9, 9)},
        {"type": "PackOwnedLabels", "meta_keys": ("x", "grabcut")},
    ]
    assert made["custom_hooks"] == [{"type": "GrabCutReportHook"}]


def test_boxes_that_leave_the_image_are_cut_where_it_is():
    image, _ = squares()
    results = entry(image, [[5, 5, 30, 28]])
    results["instances"][0]["bbox"] = [-3.0, 7.0, 27.0, 25.0]
    made = module.LoadAndCutLabels()(results)
    assert isinstance(made["gt_bboxes"], HorizontalBoxes)
    assert made["gt_masks"].masks.shape == (1, 40, 50)
    assert made["gt_masks"].masks[0, 12:20, 14:22].all()
