"""What the examples of Box2Mask in Mask R-CNN have in common: the drawn images, the training loop and the report.

Each example shows its host: how it is built, what it is given, and how its masks are read.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cqb_weak.examples.boxed_shapes import Scores, Shapes, draw_shapes, filled_iou, mask_iou, report, true_masks

SIDE = 96
"""Pixels of an image's side."""

CELLS = (28, 28)
"""Cells of a mask."""

BATCH = 4


@dataclass(frozen=True)
class Host:
    """A detector that learns masks from boxes.

    Args:
        build: makes it, with random weights.
        losses: its losses on the chosen images of some shapes, from images and boxes alone.
        masks: logits of its masks over the true boxes of all images.
        rate: the largest learning rate.
        steps: of the training, unless the command line says otherwise.
    """

    build: Callable[[], nn.Module]
    losses: Callable[[nn.Module, Shapes, Int[Tensor, " k"]], dict[str, Tensor]]
    masks: Callable[[nn.Module, Shapes], Float[Tensor, "b h w"]]
    rate: float
    steps: int

    def score(self, model: nn.Module, shapes: Shapes) -> float:
        """Mean IoU of the masks on the true boxes."""
        with torch.no_grad():
            return mask_iou(self.masks(model.eval(), shapes) > 0, true_masks(shapes, CELLS))

    def train(self, model: nn.Module, shapes: Shapes, steps: int, generator: torch.Generator) -> dict[str, list[float]]:
        """Train on images and boxes; returns each loss, step by step."""
        optimizer = torch.optim.AdamW(model.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.rate, total_steps=steps)
        history: dict[str, list[float]] = {}
        model.train()
        for _ in range(steps):
            losses = self.losses(model, shapes, torch.randint(len(shapes.boxes), (BATCH,), generator=generator))
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()
            schedule.step()
            for name, value in losses.items():
                history.setdefault(name, []).append(float(value.detach()))
        return history

    def run(self, description: str | None, arguments: Sequence[str] | None) -> Scores:
        """Train and print as the command line says; returns the scores."""
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--steps", type=int, default=self.steps)
        parser.add_argument("--seed", type=int, default=0)
        options = parser.parse_args(arguments)
        torch.manual_seed(options.seed)
        generator = torch.Generator().manual_seed(options.seed)
        seen, new = draw_shapes(256, generator, SIDE), draw_shapes(64, generator, SIDE)
        model = self.build()
        before = self.score(model, new)
        history = self.train(model, seen, options.steps, generator)
        scores = Scores(before, self.score(model, new), filled_iou(new, CELLS))
        report(scores, history)
        return scores
