"""Maps teach the discriminator what a map looks like, and pictures without labels teach the segmentation."""

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from cqb_bench.methods.advseg.auxiliary import AdvSeg
from cqb_core import Labels
from cqb_core.models import Host, ImageLabels, SemanticView

HOST = Host(
    num_things=1,
    num_stuff=4,
    region_channels=1,
    region_size=7,
    region_dim=4,
    box_columns=4,
    semantic_dim=8,
    num_stages=3,
)


def drawn(count, draws):
    """Maps of two regions side by side, each of one of four classes."""
    kinds = torch.randint(4, (count, 2, 1, 1), generator=draws)
    edge = torch.randint(4, 13, (count, 1, 1), generator=draws)
    return torch.where(torch.arange(16).expand(count, 16, 16) < edge, kinds[:, 0], kinds[:, 1])


def noise(count, draws):
    return torch.randint(4, (count, 16, 16), generator=draws)


def predicted(maps, said):
    """A view of images with these maps, of which a network is sure that they look as it says."""
    images = [ImageLabels(place, Labels.STUFF, (64, 64), semantic=row) for place, row in enumerate((maps + 1).byte())]
    logits = 8.0 * one_hot(said, 5).movedim(-1, 1)
    return SemanticView(range(len(maps)), images, logits, logits, torch.ones_like(maps, dtype=torch.bool), lambda: None)


def told_apart(seed, true):
    """How much more the discriminator believes new maps than new noise."""
    torch.manual_seed(seed)
    draws, module = torch.Generator().manual_seed(seed), AdvSeg(HOST, channels=8)
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-3)
    for _ in range(40):
        loss = module.loss(predicted(true(16, draws), noise(16, draws)))["loss_discriminator"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    new = one_hot(torch.cat([drawn(32, draws), noise(32, draws)]), 5).movedim(-1, 1).float()
    with torch.no_grad():
        of_maps, of_noise = module.discriminator(new).sigmoid().chunk(2)
    return (of_maps.mean() - of_noise.mean()).item()


@pytest.mark.parametrize("seed", range(2))
def test_the_discriminator_believes_what_looks_like_a_map(seed):
    """Not when the maps that it was shown are noise as well."""
    assert told_apart(seed, drawn) > 0.8
    assert abs(told_apart(seed, noise)) < 0.2


def few_maps(halves, branch, seed, self_training):
    """MIoU on new pictures of a branch that saw the maps of two pictures, and 126 pictures without."""
    torch.manual_seed(seed)
    network, seen = branch(), halves(128, seed, side=8, noise=0.5, first=((0, 1), (2, 3)))
    module = AdvSeg(network.host, channels=4, warm_up=25, self_training=self_training)
    groups = [{"params": network.parameters()}, {"params": module.parameters(), "lr": 4e-3}]
    optimiser = torch.optim.AdamW(groups, lr=1e-2)
    for _ in range(100):
        known, others = torch.randint(2, (4,)), torch.randint(2, 128, (12,))
        images = [*seen.mapped(known), *seen.tagged(others)]
        view = network(seen.pictures[torch.cat([known, others])], images)
        losses = [cross_entropy(view.logits[:4], seen.maps[known]), *module.loss(view).values()]
        optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        optimiser.step()
    return network.score(halves(64, seed + 1000, side=8, noise=0.5))


@pytest.mark.parametrize("seed", range(3))
def test_pictures_without_labels_help_two_maps(halves, branch, seed):
    """The same draws with and without the term; at weight 1, the paper's 0.1 helps a third of that."""
    assert few_maps(halves, branch, seed, 1.0) > few_maps(halves, branch, seed, 0.0) + 0.02
