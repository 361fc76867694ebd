import pytest
import torch

from cqb_core import Labels
from cqb_core.models import UNSAMPLED, Host, ImageLabels, SemanticView, StageView
from cqb_core.testing import losses_of, mixed_batch, tiny_network

TAGS = {"thing_tags": torch.tensor([True, False, True]), "stuff_tags": torch.tensor([False, True])}
BOXES = {"boxes": torch.tensor([[0.0, 0, 4, 8]]), "classes": torch.tensor([2])}


def seeded(*shape):
    """Numbers of a shape, the same every time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture
def host():
    """Three things, two stuff classes."""
    return Host(
        num_things=3,
        num_stuff=2,
        region_channels=1,
        region_size=7,
        region_dim=6,
        box_columns=4,
        semantic_dim=5,
        num_stages=3,
    )


@pytest.fixture
def images():
    """Tags and a box, boxes only, all labels; the first was padded from 12 rows to 16."""
    maps = torch.zeros(16, 16, dtype=torch.uint8)
    return [
        ImageLabels(1, Labels.IMAGE | Labels.BOX, (12, 16), **TAGS, **BOXES),
        ImageLabels(2, Labels.IMAGE, (16, 16), **TAGS),
        ImageLabels(3, Labels.PANOPTIC, (16, 16), **TAGS, **BOXES, semantic=maps),
    ]


@pytest.fixture
def semantic(images):
    """The branch on all three, 4 x 4 cells."""
    valid = torch.ones(3, 4, 4, dtype=torch.bool)
    valid[0, 3] = False
    pixels = seeded(3, 3, 16, 16)
    return SemanticView([0, 1, 2], images, seeded(3, 5, 4, 4), seeded(3, 3, 4, 4), valid, lambda: pixels)


@pytest.fixture
def stage(images, semantic):
    """Two RoIs of the first image, three of the last, two of the second."""
    count = 7
    return StageView(
        stage=0,
        images=images,
        image_index=torch.tensor([0, 0, 2, 2, 2, 1, 1]),
        boxes=torch.tensor([[0.0, 0, 8, 8]]).repeat(count, 1) + torch.arange(count)[:, None] / 10,
        feature=seeded(count, 1, 7, 7),
        region=seeded(count, 6),
        class_logits=seeded(count, 4),
        box_deltas=seeded(count, 4),
        class_targets=torch.tensor([2, 3, 2, 3, 3, UNSAMPLED, UNSAMPLED]),
        box_targets=seeded(count, 4),
        matched=torch.tensor([0, -1, 0, -1, -1, -1, -1]),
        mask_logits=lambda rows, frames=None: seeded(len(rows), 3, 28, 28),
        semantic=semantic,
    )


@pytest.fixture
def network():
    """A function from auxiliaries' configs to a tiny network that has them."""
    return lambda *configs, **changes: tiny_network("cqb-net_tiny_scenes", auxiliaries=list(configs), **changes)


@pytest.fixture
def losses(scenes, tmp_path):
    """A function from a network and label set names to the auxiliaries' losses on a batch of as many scenes."""

    def compute(network, *names):
        made = losses_of(network, mixed_batch(scenes, names, tmp_path / "labels.json"))
        ours = ("cls2box.", "box2mask.", "relation.", "cls2pixel.")
        return {name: value for name, value in made.items() if any(word in name for word in ours)}

    return compute
