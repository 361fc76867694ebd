import torch

from cqb_core import Labels
from cqb_core.models import Host, ImageLabels, StageView
from cqb_net.auxiliaries import Box2Mask

HOST = Host(
    num_things=2,
    num_stuff=1,
    region_channels=1,
    region_size=7,
    region_dim=4,
    box_columns=4,
    semantic_dim=8,
    num_stages=3,
)


def view(matched, seen):
    """Two images with two boxes each; the RoIs are the boxes, images and boxes in no order."""
    boxes = torch.tensor([[0.0, 0, 8, 8], [8, 8, 24, 24], [4, 4, 12, 12], [0, 0, 28, 14]])
    images = [
        ImageLabels(1, Labels.BOX, (32, 32), boxes=boxes[:2], classes=torch.tensor([0, 1])),
        ImageLabels(2, Labels.PANOPTIC, (32, 32), boxes=boxes[:1], classes=torch.tensor([0])),
        ImageLabels(3, Labels.BOX, (32, 32), boxes=boxes[2:], classes=torch.tensor([1, 0])),
    ]

    def mask_logits(rows, frames):
        seen.append((rows.tolist(), frames))
        logits = torch.full((len(rows), 2, 28, 28), -9.0)
        logits[torch.arange(len(rows)), torch.tensor([1, 0, 0])[: len(rows)]] = 9.0
        return logits

    count = 5
    return StageView(
        stage=0,
        images=images,
        image_index=torch.tensor([2, 0, 1, 2, 0]),
        boxes=boxes[[2, 0, 0, 3, 1]],
        feature=torch.zeros(count, 1, 7, 7),
        region=torch.zeros(count, 4),
        class_logits=torch.zeros(count, 3),
        box_deltas=torch.zeros(count, 4),
        class_targets=torch.tensor([1, 0, 0, 0, 2]),
        box_targets=torch.zeros(count, 4),
        matched=torch.tensor(matched),
        mask_logits=mask_logits,
        semantic=None,
    )


def test_positives_of_images_without_masks_meet_their_own_boxes():
    seen = []
    losses = Box2Mask(HOST, jitter=0.0).loss(view([0, 0, 0, 1, -1], seen))
    assert [rows for rows, _ in seen] == [[0, 1, 3]]
    assert {name: loss.over for name, loss in losses.items()} == {"loss_mil": 3, "loss_structure": 3}
    # Each RoI is its box, so every row and column is in it, and the masks of the right classes fill them.
    assert float(losses["loss_mil"].value) < 1e-3


def test_a_mask_in_another_boxs_frame_is_told_so():
    losses = Box2Mask(HOST, jitter=0.0).loss(view([0, 0, 0, 0, -1], []))
    assert float(losses["loss_mil"].value) > 0.5


def test_no_positive():
    seen = []
    losses = Box2Mask(HOST, jitter=0.0).loss(view([-1, -1, 0, -1, -1], seen))
    assert seen == []
    assert losses == {"loss_mil": (0, 0), "loss_structure": (0, 0)}


def test_frames_lie_around_the_rois_at_random():
    seen, shown = [], view([0, 0, 0, 1, -1], [])
    for jitter in (0.0, 0.3, 0.3):
        Box2Mask(HOST, jitter=jitter).loss(view([0, 0, 0, 1, -1], seen))
    still, moved, again = (frames for _, frames in seen)
    rois = shown.boxes[[0, 1, 3]]
    assert torch.equal(still, rois)
    assert not torch.equal(moved, again)
    assert ((moved - rois).abs() <= 0.3 * (rois[:, 2:] - rois[:, :2]).repeat(1, 2) + 1e-5).all()
