"""What the semantic methods are taught on: drawn pictures and a small branch that reads them."""

import pytest
import torch
from torch import nn

from cqb_core import Labels
from cqb_core.models import Host, ImageLabels, SemanticView
from cqb_weak.examples.segmentation_cls2pixel import mean_iou


class Halves:
    """Pictures of two regions side by side, each of one of four classes, in noise.

    Args:
        count: of the pictures.
        seed: of maps and noise.
        side: of a picture, in cells.
        noise: standard deviation; a class is 1 in one of eight channels.
        first: the two classes of the first pictures, instead of drawn ones.
    """

    def __init__(self, count, seed, side=12, noise=0.7, first=()):
        draws = torch.Generator().manual_seed(seed)
        kinds = torch.randint(4, (count, 2, 1, 1), generator=draws)
        kinds[: len(first), :, 0, 0] = torch.tensor(first, dtype=torch.long).view(-1, 2)
        edge = torch.randint(side // 4, side - side // 4 + 1, (count, 1, 1), generator=draws)
        self.maps = torch.where(torch.arange(side).expand(count, side, side) < edge, kinds[:, 0], kinds[:, 1])
        clean = torch.eye(4, 8)[self.maps].movedim(-1, 1)
        self.pictures = clean + noise * torch.randn(clean.shape, generator=draws)
        self.tags = (self.maps.flatten(1).unsqueeze(-1) == torch.arange(4)).any(1)

    def tagged(self, rows, tags=None):
        """Labels of some pictures: their tags, or those that are given."""
        none = torch.zeros(1, dtype=torch.bool)
        tags = self.tags if tags is None else tags
        return [
            ImageLabels(row, Labels.IMAGE, (48, 48), stuff_tags=tags[row], thing_tags=none) for row in rows.tolist()
        ]

    def mapped(self, rows):
        """Labels of some pictures: their maps."""
        maps = (self.maps + 1).byte()
        return [ImageLabels(row, Labels.STUFF, (48, 48), semantic=maps[row]) for row in rows.tolist()]


class Branch(nn.Module):
    """A semantic branch of two layers for four stuff classes and the merged things."""

    host = Host(
        num_things=1,
        num_stuff=4,
        region_channels=1,
        region_size=7,
        region_dim=4,
        box_columns=4,
        semantic_dim=16,
        num_stages=3,
    )

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU())
        self.logits = nn.Conv2d(16, 5, 1)

    def forward(self, pictures, images):
        """What a method is shown of pictures with these labels."""
        feature, valid = self.trunk(pictures), torch.ones_like(pictures[:, 0], dtype=torch.bool)
        return SemanticView(range(len(images)), images, feature, self.logits(feature), valid, lambda: None)

    def score(self, new):
        """MIoU on pictures that it knows nothing of; one class everywhere gives about 0.06."""
        with torch.no_grad():
            return mean_iou(self.logits(self.trunk(new.pictures))[:, :4].argmax(1), new.maps)


def taught_by_tags(method, seed, shuffled):
    """MIoU on new pictures of a branch that saw tags only, those of other pictures when they are shuffled."""
    torch.manual_seed(seed)
    branch, seen = Branch(), Halves(128, seed)
    module = method(branch.host)
    tags = seen.tags[torch.randperm(128)] if shuffled else seen.tags
    optimiser = torch.optim.AdamW([*branch.parameters(), *module.parameters()], lr=1e-2)
    for _ in range(120):
        rows = torch.randint(128, (16,))
        losses = module.loss(branch(seen.pictures[rows], seen.tagged(rows, tags)))
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
    return branch.score(Halves(48, seed + 1000))


@pytest.fixture(name="taught_by_tags")
def _taught_by_tags():
    return taught_by_tags


@pytest.fixture
def halves():
    """`Halves`."""
    return Halves


@pytest.fixture
def branch():
    """`Branch`."""
    return Branch
