"""Cls2Box by itself: from a detector that saw three boxed images, and the tags of many, to better boxes.

    python -m cqb_weak.examples.tags_to_boxes [--seed 0] [--steps 100]

Needs torch and numpy. RoI features are fixed (how much of each colour lies in four rings of the RoI) and all that is
learnt is linear, so that it takes seconds. Prints CorLoc: the share of tags whose best proposal overlaps an object of
that class by an IoU of 0.5 or more.
"""

import argparse
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cqb_weak.cls2box import Cls2BoxLoss, MIDHead, detector_probabilities
from cqb_weak.cls2box.refinement import pairwise_iou
from cqb_weak.examples.tagged_shapes import COLOURS, NUM_CLASSES, TaggedShapes, draw

SIZE, CELLS, RINGS = 48, 12, 4
"""Pixels of an image's side, samples of a RoI's side, rings of a RoI's feature."""

FEATURES = RINGS * (len(COLOURS) + 2)


@dataclass(frozen=True)
class Bags:
    """Drawn images with proposals: per object 12 boxes near it, per image 12 anywhere."""

    drawn: TaggedShapes
    generator: torch.Generator

    @cached_property
    def proposals(self) -> tuple[Float[Tensor, "n 4"], Int[Tensor, " n"]]:
        """Boxes, and the image of each; in no order of images."""
        objects, count = self.drawn.boxes.repeat_interleave(12, 0), 12 * len(self.drawn.images)
        sides = objects[:, 2:] - objects[:, :2]
        middles = (objects[:, :2] + objects[:, 2:]) / 2 + (self._uniform(len(objects)) - 0.5) * sides * 0.4
        near = _boxes(middles, sides * ((self._uniform(len(objects)) - 0.5) * 1.2).exp())
        anywhere = _boxes(self._uniform(count) * SIZE, (0.12 + 0.5 * self._uniform(count)) * SIZE)
        boxes = torch.cat([near, anywhere]).clamp(0, SIZE)
        everywhere = torch.arange(len(self.drawn.images)).repeat_interleave(12)
        image = torch.cat([self.drawn.box_image.repeat_interleave(12), everywhere])
        large = (boxes[:, 2:] - boxes[:, :2]).amin(1) > 4
        return boxes[large], image[large]

    @cached_property
    def features(self) -> Float[Tensor, "n c"]:
        """Of a RoI and a fifth of its side around it: the share of each colour, of white and of grey in every ring."""
        boxes, image = self.proposals
        steps = (torch.arange(CELLS) + 0.5) / CELLS * 1.4 - 0.2
        places = boxes[:, None, :2] + steps[:, None] * (boxes[:, 2:] - boxes[:, :2])[:, None]
        x, y = places.long().clamp(0, SIZE - 1).unbind(-1)
        pixels = self.drawn.images.permute(0, 2, 3, 1)[image[:, None, None], y[:, :, None], x[:, None, :]]
        palette = torch.cat([torch.from_numpy(COLOURS).float(), torch.tensor([[1.0] * 3, [0.25] * 3])])
        shares = torch.softmax(-30 * (pixels.flatten(1, 2).unsqueeze(2) - palette).square().sum(-1), -1)
        edge = torch.minimum(torch.arange(CELLS), torch.arange(CELLS).flip(0))
        ring = torch.minimum(edge[:, None], edge).clamp(max=RINGS - 1).flatten()
        return torch.cat([2 * shares[:, ring == place].mean(1) for place in range(RINGS)], 1)

    @cached_property
    def targets(self) -> Int[Tensor, " n"]:
        """Class of the object that a proposal overlaps by 0.5 or more, else background. Boxed images only."""
        boxes, image = self.proposals
        objects = self.drawn.boxes.expand(len(boxes), -1, -1)
        overlap = pairwise_iou(boxes, objects).masked_fill(image[:, None] != self.drawn.box_image, 0)
        best, which = overlap.max(1)
        return torch.where(best >= 0.5, self.drawn.classes[which], NUM_CLASSES)

    def corloc(self, scores: Float[Tensor, "n t"]) -> float:
        """CorLoc of the drawing, of these proposals."""
        return self.drawn.corloc(scores, *self.proposals)

    def _uniform(self, count: int) -> Float[Tensor, "count 2"]:
        return torch.rand(count, 2, generator=self.generator)


def _boxes(middles: Float[Tensor, "n 2"], sides: Float[Tensor, "n 2"]) -> Float[Tensor, "n 4"]:
    return torch.cat([middles - sides / 2, middles + sides / 2], 1)


def train_detector(boxed: Bags, steps: int = 60) -> nn.Linear:
    """A linear classifier of RoI features, t classes and background, from boxes."""
    detector = nn.Linear(FEATURES, NUM_CLASSES + 1)
    optimizer = torch.optim.Adam(detector.parameters(), 2e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        box_loss(detector, boxed).backward()
        optimizer.step()
    return detector


def box_loss(detector: nn.Linear, boxed: Bags) -> Float[Tensor, ""]:
    """Cross-entropy in which objects weigh a third."""
    terms = F.cross_entropy(detector(boxed.features), boxed.targets, reduction="none")
    positive = boxed.targets < NUM_CLASSES
    return (terms[positive].mean() + 2 * terms[~positive].mean()) / 3


@dataclass(frozen=True)
class Way:
    """How the tags are used.

    Args:
        loss: Cls2Box and its options.
        joint: the detector is trained in the same steps, by its few boxes and by whatever gradient `loss` gives it.
        weight: of `loss`, beside that of the boxes.
    """

    loss: Cls2BoxLoss
    joint: bool = True
    weight: float = 1.0


WAYS = {
    "uncoupled": Way(Cls2BoxLoss(coupling="none"), joint=False),
    "frozen": Way(Cls2BoxLoss(), joint=False),
    "detached": Way(Cls2BoxLoss(detach_detector=True)),
    "detached, refined": Way(Cls2BoxLoss(detach_detector=True, refine=1.0)),
    "joint": Way(Cls2BoxLoss()),
    "joint, weight 0.1": Way(Cls2BoxLoss(), weight=0.1),
    "joint, weight 0.01": Way(Cls2BoxLoss(), weight=0.01),
    "joint, temperature 4": Way(Cls2BoxLoss(temperature=4.0)),
    "joint, refined": Way(Cls2BoxLoss(refine=1.0)),
    "joint, classes only": Way(Cls2BoxLoss(coupling="classifier")),
    "joint, classes only, refined": Way(Cls2BoxLoss(coupling="classifier", refine=1.0)),
}
"""Plain WSDDN, which never sees the detector; Cls2Box with a detector that stays as it is; and with one that learns."""


class CorLoc(NamedTuple):
    """On the tagged images: by the scores that the loss forms, and by the detector's own probabilities alone."""

    scores: float
    detector: float


def learn_from_tags(
    tagged: Bags, boxed: Bags, detector: nn.Linear, way: Way, steps: int, generator: torch.Generator
) -> CorLoc:
    """Train a `MIDHead`, and a copy of the detector where the way says so."""
    boxes, image = tagged.proposals
    head, detector, count = MIDHead(FEATURES, NUM_CLASSES), copy.deepcopy(detector), len(tagged.drawn.images)
    optimizer = torch.optim.Adam([*head.parameters(), *(detector.parameters() if way.joint else ())], 2e-2)
    for _ in range(steps):
        batch = torch.randperm(count, generator=generator)[:30]
        position = torch.full((count,), -1).index_copy(0, batch, torch.arange(len(batch)))[image]
        rows = position >= 0
        features = tagged.features[rows]
        with torch.set_grad_enabled(way.joint):
            detector_logits = detector(features)
        tags = tagged.drawn.tags[batch]
        class_logits, proposal_logits = head(features)
        terms = way.loss(class_logits, proposal_logits, position[rows], tags, detector_logits, boxes=boxes[rows])
        total = way.weight * torch.stack(list(terms.values())).sum()
        if way.joint:
            total = total + box_loss(detector, boxed)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    return corloc_of(tagged, head, detector, way.loss)


@torch.no_grad()
def corloc_of(tagged: Bags, head: MIDHead, detector: nn.Linear, loss: Cls2BoxLoss) -> CorLoc:
    """Of the scores that a loss forms, and of the detector alone."""
    logits = detector(tagged.features)
    class_logits, proposal_logits = head(tagged.features)
    count = len(tagged.drawn.images)
    scores = loss.scores(class_logits, proposal_logits, tagged.proposals[1], count, logits)
    return CorLoc(tagged.corloc(scores), tagged.corloc(detector_probabilities(logits, NUM_CLASSES)))


def compare(
    seed: int, steps: int = 100, ways: Sequence[str] = tuple(WAYS), boxed_images: int = 3, tagged_images: int = 120
) -> dict[str, CorLoc]:
    """CorLoc on the tagged images: of chance and of the detector at first ("initial"), then after each way."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    boxed = Bags(draw(boxed_images, SIZE, seed), generator)
    tagged = Bags(draw(tagged_images, SIZE, 1000 + seed), generator)
    detector = train_detector(boxed)
    guesses = [tagged.corloc(torch.rand(len(tagged.features), NUM_CLASSES, generator=generator)) for _ in range(3)]
    with torch.no_grad():
        initial = tagged.corloc(detector_probabilities(detector(tagged.features), NUM_CLASSES))
    chance = sum(guesses) / len(guesses)
    result = {"chance": CorLoc(chance, chance), "initial": CorLoc(initial, initial)}
    for name in ways:
        result[name] = learn_from_tags(tagged, boxed, detector, WAYS[name], steps, generator.manual_seed(seed))
    return result


def main(arguments: list[str] | None = None) -> dict[str, CorLoc]:
    """Print and return `compare`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=100, help="training steps of 30 tagged images")
    given = parser.parse_args(arguments)
    result = compare(given.seed, given.steps)
    print(f"{'CorLoc':<22}{'scores':>8}{'detector':>10}")
    for name, corloc in result.items():
        print(f"{name:<22}{corloc.scores:>8.2f}{corloc.detector:>10.2f}")
    return result


if __name__ == "__main__":
    main()
