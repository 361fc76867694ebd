import torch

from cqb_core import Labels
from cqb_core.models import ImageLabels
from cqb_net.auxiliaries.cls2pixel import under_boxes


def image(boxes):
    boxes = None if boxes is None else torch.tensor(boxes).reshape(-1, 4)
    return ImageLabels(1, Labels.IMAGE, (4, 6), boxes=boxes)


def test_pixels_whose_centres_lie_in_a_box():
    boxes = [[1.0, 0.0, 3.0, 2.0], [2.6, 1.4, 5.0, 4.0]]
    covered = under_boxes([image(boxes), image(None), image([])], torch.zeros(3, 3, 4, 6))
    expected = torch.tensor([
        [0, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 1, 1, 0],
    ]).bool()  # fmt: skip
    assert torch.equal(covered[0], expected)
    assert not covered[1:].any()


def test_pseudo_labels_begin_after_the_warm_up_and_steps_travel_with_the_weights(network, losses):
    built = network({"type": "Cls2Pixel", "warm_up": 2})
    energies = [float(losses(built, "I", "I")["cls2pixel.loss_energy"]) for _ in range(3)]
    assert energies[:2] == [0, 0]
    assert energies[2] > 0
    assert built.state_dict()["semantic_auxiliaries.0.warm_up.steps"] == 3
