"""A call looks at the numbers of its tensors once: on a GPU every look waits for the device."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cqb_weak import (
    Box2Mask,
    Box2MaskLoss,
    Cls2BoxLoss,
    Cls2PixelLoss,
    bags,
    dense_energy,
    structure_loss,
    tightness_loss,
    values,
)
from cqb_weak.box2mask import roi_colours, widen

ITEMS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default}
Z, ROIS = torch.linspace(-2, 2, 3 * 49).view(3, 7, 7), torch.tensor([[4.0, 6, 20, 30], [10, 2, 25, 12], [1, 3, 17, 28]])
IMAGES, INDEX, CLASSES = torch.rand(2, 3, 32, 32), torch.tensor([0, 0, 1]), torch.tensor([1, 0, 1])
TWO, LISTS = torch.stack([Z, -Z], 1), (ROIS[:2], ROIS[2:])
TAGS, ONES = torch.tensor([[True, False], [False, True]]), torch.ones(3, 7).bool()
CALLS = {
    "cls2box": lambda: Cls2BoxLoss(refine=1.0)(
        Z[:, 0, :2], Z[:, 1, :2], INDEX, TAGS, Z[:, 2, :3], boxes=ROIS, owned=torch.tensor([True, False])
    ),
    "box2mask": lambda: Box2MaskLoss(angles=(20.0,))(
        TWO, ROIS, ROIS, CLASSES, colours=Z[:, None].expand(-1, 3, -1, -1)
    ),
    "box2mask of lists": lambda: Box2Mask()(TWO, LISTS, LISTS, (CLASSES[:2], CLASSES[2:]), IMAGES),
    "frames": lambda: Box2Mask().frames(LISTS),
    "cls2pixel in warm-up": lambda: Cls2PixelLoss(warm_up=1)(
        TWO[:2], Z[:2, 0, :2], TWO[:2].abs(), IMAGES[:, :, :7], TAGS, 0
    ),
    "dense_energy": lambda: dense_energy(TWO.softmax(1), torch.rand(3, 3, 9, 9)),
    "tightness_loss": lambda: tightness_loss(Z, ONES, ONES),
    "structure_loss": lambda: structure_loss(Z),
    "bags": lambda: bags(ROIS, ROIS, (7, 7)),
    "roi_colours": lambda: roi_colours(IMAGES, INDEX, ROIS, (7, 7)),
    "widen": lambda: widen(ROIS),
}


class Looks(TorchDispatchMode):
    """Counts operators that bring a number to the processor."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function in ITEMS
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", CALLS)
def test_once_and_together(name, monkeypatch):
    reads, read = [], values.read
    looks = Looks()

    def counted(scalars):
        before = looks.count
        numbers = read(scalars)
        reads.append(looks.count - before)
        return numbers

    monkeypatch.setattr(values, "read", counted)
    with looks:
        CALLS[name]()
    assert len(reads) == 1
    assert looks.count == reads[0] > 0
