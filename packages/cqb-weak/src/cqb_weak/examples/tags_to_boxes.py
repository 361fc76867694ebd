"""Cls2Box by itself: from a detector that saw three boxed images, and the tags of many, to better boxes.

    python -m cqb_weak.examples.tags_to_boxes [--seed 0] [--steps 100]

Needs torch only. RoI features are fixed (how much of each colour lies in four rings of the RoI) and all that is
learnt is linear, so that it takes seconds. Prints CorLoc: the share of tags whose best proposal overlaps an object of
that class by an IoU of 0.5 or more.
"""

import argparse
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cqb_weak.cls2box import Cls2BoxLoss, MIDHead, detector_probabilities, mid_scores
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
        """Share of tags whose best-scoring proposal has an IoU of 0.5 or more with an object of the class."""
        boxes, image = self.proposals
        found = []
        for place, kind in self.drawn.tags.nonzero().tolist():
            top = scores[:, kind].masked_fill(image != place, -1).argmax()
            objects = self.drawn.boxes[(self.drawn.box_image == place) & (self.drawn.classes == kind)]
            found.append(bool((pairwise_iou(boxes[top][None], objects[None]) >= 0.5).any()))
        return sum(found) / len(found)

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
        _box_loss(detector, boxed).backward()
        optimizer.step()
    return detector


def _box_loss(detector: nn.Linear, boxed: Bags) -> Float[Tensor, ""]:
    """Cross-entropy in which objects weigh a third."""
    terms = F.cross_entropy(detector(boxed.features), boxed.targets, reduction="none")
    positive = boxed.targets < NUM_CLASSES
    return (terms[positive].mean() + 2 * terms[~positive].mean()) / 3


def learn_from_tags(
    tagged: Bags, detector: nn.Linear, loss: Cls2BoxLoss, steps: int, boxed: Bags | None = None
) -> Float[Tensor, "n t"]:
    """Train a `MIDHead` from tags; the scores of all proposals after it.

    Without `boxed` the detector stays as it is; with it the detector learns from the tags as well, and from its few
    boxes in every step.
    """
    (_, image), head = tagged.proposals, MIDHead(FEATURES, NUM_CLASSES)
    parameters = [*head.parameters(), *(detector.parameters() if boxed else ())]
    optimizer = torch.optim.Adam(parameters, 2e-2)
    count = len(tagged.drawn.images)
    for _ in range(steps):
        batch = torch.randperm(count, generator=tagged.generator)[:30]
        position = torch.full((count,), -1).index_copy(0, batch, torch.arange(len(batch)))[image]
        rows = position >= 0
        features = tagged.features[rows]
        with torch.set_grad_enabled(boxed is not None):
            detector_logits = detector(features)
        class_logits, proposal_logits = head(features)
        terms = loss(class_logits, proposal_logits, position[rows], tagged.drawn.tags[batch], detector_logits)
        total = terms["loss_cls2box"] + (_box_loss(detector, boxed) if boxed else 0)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    with torch.no_grad():
        class_logits, proposal_logits = head(tagged.features)
        scores = mid_scores(class_logits, proposal_logits, image, count)
        if loss.coupling == "none":
            return scores
        return scores * detector_probabilities(detector(tagged.features), NUM_CLASSES)


def compare(seed: int, steps: int = 100, boxed_images: int = 3, tagged_images: int = 120) -> dict[str, float]:
    """CorLoc on the tagged images of: chance, the detector, and the detector with what its tags taught.

    "uncoupled" is plain WSDDN, which never sees the detector; "coupled" multiplies its scores with the detector's,
    kept at its initial quality; "joint" trains the detector on the tags, too.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    boxed = Bags(draw(boxed_images, SIZE, seed), generator)
    tagged = Bags(draw(tagged_images, SIZE, 1000 + seed), generator)
    detector = train_detector(boxed)
    guesses = [tagged.corloc(torch.rand(len(tagged.features), NUM_CLASSES, generator=generator)) for _ in range(3)]
    with torch.no_grad():
        initial = detector_probabilities(detector(tagged.features), NUM_CLASSES)
    return {
        "chance": sum(guesses) / len(guesses),
        "detector": tagged.corloc(initial),
        "uncoupled": tagged.corloc(learn_from_tags(tagged, detector, Cls2BoxLoss(coupling="none"), steps)),
        "coupled": tagged.corloc(learn_from_tags(tagged, detector, Cls2BoxLoss(), steps)),
        "joint": tagged.corloc(learn_from_tags(tagged, detector, Cls2BoxLoss(), steps, boxed)),
    }


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Print and return `compare`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=100, help="training steps of 30 tagged images")
    given = parser.parse_args(arguments)
    result = compare(given.seed, given.steps)
    for name, corloc in result.items():
        print(f"CorLoc, {name:<10} {corloc:.2f}")
    return result


if __name__ == "__main__":
    main()
