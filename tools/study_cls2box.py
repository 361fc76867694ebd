"""What keeps Cls2Box from harming the detector that it teaches: remedies compared on drawn images, as a CSV file.

    python tools/study_cls2box.py packages/cqb-weak/results/cls2box_remedies.csv --seeds 5   # three quiet minutes

The trainings are those of `cqb_weak.examples.tags_to_boxes`: 100 steps on tags, and on three boxed images. A remedy
says whose opinion p is coupled with the proposal scores, and how the best proposals teach the detector. Seeds that
stand in the file are not run again.
"""

import argparse
import copy
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from revision import commit
from torch import Tensor, nn
from weak_results import Row, write

from cqb_weak.cls2box import Cls2BoxLoss, MIDHead, cls2box_loss, detector_probabilities, image_scores, mid_scores
from cqb_weak.cls2box.refinement import PseudoLabels, pseudo_labels, refinement_loss
from cqb_weak.examples.tagged_shapes import NUM_CLASSES, draw
from cqb_weak.examples.tags_to_boxes import FEATURES, SIZE, Bags, CorLoc, box_loss, corloc_of, train_detector

STEPS, BATCH = 100, 30
BOXED, TAGGED = 3, 120


@dataclass(frozen=True)
class Remedy:
    """How p is taken, and how the detector learns from the best proposals.

    Args:
        teacher: whose p: the detector's own with gradient ("joint") or without ("itself"), that of the detector as it
            was at first ("at first"), or that of its running average ("average").
        weight: of the tags' loss.
        refine: weight of the refinement, 0 for none.
        begin: step at which the refinement begins.
        flat: each pseudo label counts fully, instead of by its seed's score.
    """

    teacher: str = "itself"
    weight: float = 1.0
    refine: float = 1.0
    begin: int = 0
    flat: bool = False


REMEDIES = {
    "joint": Remedy("joint", refine=0.0),
    "joint, weight 0.01": Remedy("joint", weight=0.01, refine=0.0),
    "joint, weight 0.01, refined": Remedy("joint", weight=0.01),
    "detached, refined": Remedy(),
    "detached, refined from step 30": Remedy(begin=30),
    "detached, refined by 3": Remedy(refine=3.0),
    "detached, refined, flat weights": Remedy(flat=True),
    "coupled with the first detector, refined": Remedy("at first"),
    "coupled with an average, refined": Remedy("average"),
}
KEEP = 0.98
"""What the running average keeps of itself in a step."""


def train(tagged: Bags, boxed: Bags, first: nn.Linear, remedy: Remedy, generator: torch.Generator) -> CorLoc:
    """CorLoc on the tagged images after a training."""
    boxes, image = tagged.proposals
    head, detector, average = MIDHead(FEATURES, NUM_CLASSES), copy.deepcopy(first), copy.deepcopy(first)
    teachers = {"joint": detector, "itself": detector, "at first": first, "average": average}
    optimizer = torch.optim.Adam([*head.parameters(), *detector.parameters()], 2e-2)
    for step in range(STEPS):
        batch = torch.randperm(TAGGED, generator=generator)[:BATCH]
        position = torch.full((TAGGED,), -1).index_copy(0, batch, torch.arange(BATCH))[image]
        rows = position >= 0
        features, place, tags = tagged.features[rows], position[rows], tagged.drawn.tags[batch]
        with torch.set_grad_enabled(remedy.teacher == "joint"):
            p = detector_probabilities(teachers[remedy.teacher](features), NUM_CLASSES)
        scores = mid_scores(*head(features), place, BATCH) * p
        total = box_loss(detector, boxed) + remedy.weight * cls2box_loss(image_scores(scores, None, place, BATCH), tags)
        if remedy.refine and step >= remedy.begin:
            total = total + remedy.refine * refined(remedy, detector(features), scores, boxes[rows], place, tags)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        for kept, new in zip(average.parameters(), detector.parameters(), strict=True):
            kept.data.lerp_(new.data, 1 - KEEP)
    return corloc_of(tagged, head, detector, Cls2BoxLoss())


def refined(remedy: Remedy, logits: Tensor, scores: Tensor, boxes: Tensor, place: Tensor, tags: Tensor) -> Tensor:
    """The detector's cross-entropy with the labels that the best proposals give."""
    labels = pseudo_labels(scores, boxes, place, tags)
    if remedy.flat:
        labels = PseudoLabels(labels.classes, (labels.weights > 0).float())
    return refinement_loss(logits, labels, place, torch.ones(BATCH, dtype=torch.bool).index_fill(0, place, True))


def measured(seed: int) -> Iterator[Row]:
    """A row a remedy, and that of the detector at first."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    boxed, tagged = Bags(draw(BOXED, SIZE, seed), generator), Bags(draw(TAGGED, SIZE, 1000 + seed), generator)
    first = train_detector(boxed)
    initial = corloc_of(tagged, MIDHead(FEATURES, NUM_CLASSES), first, Cls2BoxLoss()).detector
    found = {"initial": CorLoc(initial, initial)}
    for name, remedy in REMEDIES.items():
        found[name] = train(tagged, boxed, first, remedy, generator.manual_seed(seed))
    for name, corloc in found.items():
        scores = {what: f"{value:.3f}" for what, value in corloc._asdict().items()}
        command = f"python tools/study_cls2box.py --seeds {seed + 1}"
        yield {"seed": seed, "way": name, **scores, "command": command, "commit": commit()}


def main() -> None:
    """Run the seeds that are missing; the file is written anew after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    rows: list[Row] = list(csv.DictReader(given.csv.read_text().splitlines())) if given.csv.exists() else []
    there = {int(row["seed"]) for row in rows}
    for seed in range(given.seeds):
        if seed not in there:
            rows += measured(seed)
            write(given.csv, rows)
            print(f"seed {seed}", flush=True)


if __name__ == "__main__":
    main()
