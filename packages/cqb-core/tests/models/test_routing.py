import torch
from torch import nn

from cqb_core import Labels
from cqb_core.models.auxiliary import ImageLabels
from cqb_core.models.routing import connected_zero, having, inside, select


def test_selecting_all_copies_nothing_and_selecting_some_keeps_the_order():
    maps = (torch.arange(12.0).view(3, 1, 2, 2), torch.arange(3.0).view(3, 1, 1, 1))
    assert all(a is b for a, b in zip(select(maps, [0, 1, 2]), maps, strict=True))
    assert select(maps, [2, 0])[1].flatten().tolist() == [2, 0]


def test_a_connected_zero_is_zero_and_gives_every_parameter_a_zero_gradient():
    modules = nn.Linear(2, 3), nn.Conv2d(1, 1, 1)
    zero = connected_zero(*modules)
    zero.backward()
    assert zero.item() == 0
    assert all((p.grad == 0).all() for module in modules for p in module.parameters())
    assert connected_zero(nn.ReLU()).item() == 0


def test_having_gives_positions():
    images = [ImageLabels(image_id, Labels(0), (1, 1)) for image_id in (3, 4, 5)]
    assert having(images, lambda image: image.image_id != 4) == [0, 2]


def test_cells_whose_centres_lie_in_the_images():
    found = inside([(8, 7), (5, 12)], (8, 12), torch.zeros(2, 3, 2, 3))
    assert found.tolist() == [
        [[True, True, False], [True, True, False]],
        [[True, True, True], [False, False, False]],
    ]
