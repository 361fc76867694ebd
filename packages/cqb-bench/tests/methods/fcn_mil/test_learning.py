"""Tags alone teach pixels by multiple-instance learning, on drawn features."""

import pytest
import torch
from torch import nn

from cqb_bench.methods.fcn_mil.auxiliary import FcnMil
from cqb_core import Labels
from cqb_core.models import Host, ImageLabels, SemanticView
from cqb_weak.examples.segmentation_cls2pixel import mean_iou

HOST = Host(
    num_things=1,
    num_stuff=4,
    region_channels=1,
    region_size=7,
    region_dim=4,
    box_columns=4,
    semantic_dim=16,
    num_stages=3,
)
IMAGES = 128


def drawn(count, seed):
    """Noisy pictures of two regions side by side, each of one of four classes, with maps and tags."""
    draws = torch.Generator().manual_seed(seed)
    kinds = torch.randint(4, (count, 2, 1, 1), generator=draws)
    edge = torch.randint(3, 10, (count, 1, 1), generator=draws)
    maps = torch.where(torch.arange(12).expand(count, 12, 12) < edge, kinds[:, 0], kinds[:, 1])
    pictures = torch.eye(4, 8)[maps].movedim(-1, 1) + 0.7 * torch.randn(count, 8, 12, 12, generator=draws)
    return pictures, maps, (maps.flatten(1).unsqueeze(-1) == torch.arange(4)).any(1)


class Branch(nn.Module):
    """A semantic branch of two layers."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU())
        self.logits = nn.Conv2d(16, 5, 1)

    def forward(self, pictures, tags):
        """What a method is shown of images that own tags."""
        none, feature = torch.zeros(1, dtype=torch.bool), self.trunk(pictures)
        images = [ImageLabels(i, Labels.IMAGE, (48, 48), stuff_tags=row, thing_tags=none) for i, row in enumerate(tags)]
        valid = torch.ones_like(pictures[:, 0], dtype=torch.bool)
        return SemanticView(range(len(images)), images, feature, self.logits(feature), valid, lambda: None)


def learn(seed, shuffled):
    """MIoU on new images of a branch that saw tags only, those of other images when they are shuffled."""
    torch.manual_seed(seed)
    branch, module = Branch(), FcnMil(HOST)
    pictures, _, tags = drawn(IMAGES, seed)
    tags = tags[torch.randperm(IMAGES)] if shuffled else tags
    optimiser = torch.optim.AdamW([*branch.parameters(), *module.parameters()], lr=1e-2)
    for _ in range(120):
        chosen = torch.randint(IMAGES, (16,))
        losses = module.loss(branch(pictures[chosen], tags[chosen]))
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
    pictures, maps, tags = drawn(48, seed + 1000)
    with torch.no_grad():
        return mean_iou(branch(pictures, tags).logits[:, :4].argmax(1), maps)


@pytest.mark.parametrize("seed", range(3))
def test_pixels_from_tags(seed):
    """Nobody tells the branch the tags of the new images; one class everywhere gives about 0.06."""
    assert learn(seed, shuffled=False) > 0.35
    assert learn(seed, shuffled=True) < 0.3
