"""Box2Mask with nothing but torch: a small network learns the masks of drawn shapes from their boxes.

    python -m cqb_weak.examples.box2mask_crops [--steps 350] [--seed 0]

It trains twice: with both guards against filled rectangles (random frames, ties between like colours), and without
them. It prints the mask IoU of either on new images, beside that of the filled boxes.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from cqb_weak.box2mask import Box2MaskLoss, narrow, roi_colours, widen
from cqb_weak.examples.boxed_shapes import FACTOR, Shapes, crop, draw_shapes, filled_iou, mask_iou, true_masks

SIDE = 64
CELLS = (20, 20)
MEAN, DEVIATION = 0.5, 0.25


class Scores(NamedTuple):
    """Mean IoU with the true masks, over the cells of the true boxes."""

    guarded: float
    unguarded: float
    filled: float


class CropNet(nn.Module):
    """A mask head on pixels: convolutions at full and at half resolution, and the mean colour along the crop's edge."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        wide = 2 * channels
        self.fine = _block(3, channels)
        self.coarse = nn.Sequential(
            _block(channels, wide, stride=2), _block(wide, wide), _block(wide, wide, dilation=2)
        )
        self.context = _block(2 * wide, wide)
        self.head = nn.Sequential(
            nn.Conv2d(channels + wide, channels, 1), nn.ReLU(), nn.Conv2d(channels, 1, 3, padding=1)
        )

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n h w"]:
        """Mask logits of crops of colours from 0 to 1; h and w even."""
        fine = self.fine((x - MEAN) / DEVIATION)
        coarse = self.coarse(fine)
        edge = torch.cat([coarse[..., 0, :], coarse[..., -1, :], coarse[..., 0], coarse[..., -1]], -1).mean(-1)
        coarse = self.context(torch.cat([coarse, edge[..., None, None].expand_as(coarse)], 1))
        return self.head(torch.cat([fine, interpolate(coarse, scale_factor=2.0)], 1))[:, 0]  # type: ignore[no-any-return]


def _block(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation)
    return nn.Sequential(conv, nn.GroupNorm(4, outputs), nn.ReLU())


def train(shapes: Shapes, steps: int, seed: int, guarded: bool) -> CropNet:
    """A network that has seen boxes alone."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = CropNet()
    optimizer = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=steps)
    loss = Box2MaskLoss(structure_weight=1.0) if guarded else Box2MaskLoss()
    for _ in range(steps):
        chosen = torch.randint(len(shapes.boxes), (16,), generator=generator)
        images, boxes = shapes.images[chosen], shapes.boxes[chosen]
        frames = widen(boxes, FACTOR, jitter=0.3 if guarded else 0.0, generator=generator)
        colours = roi_colours(images, torch.arange(len(boxes)), frames, CELLS) if guarded else None
        terms = loss(net(crop(images, frames, CELLS)), frames, boxes, colours=colours)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        schedule.step()
    return net


@torch.no_grad()
def score(net: CropNet, shapes: Shapes) -> float:
    """Mean IoU with the true masks, of masks predicted in wide frames and brought back to the boxes."""
    logits = net(crop(shapes.images, widen(shapes.boxes, FACTOR), CELLS))
    return mask_iou(narrow(logits[:, None], FACTOR)[:, 0] > 0, true_masks(shapes, CELLS))


def run(steps: int, seed: int) -> Scores:
    """Draw, train with and without the guards, and score on new shapes."""
    generator = torch.Generator().manual_seed(seed)
    seen, new = draw_shapes(256, generator, SIDE), draw_shapes(128, generator, SIDE)
    guarded, unguarded = (score(train(seen, steps, seed, guarded), new) for guarded in (True, False))
    return Scores(guarded, unguarded, filled_iou(new, CELLS))


def main(arguments: Sequence[str] | None = None) -> Scores:
    """Run as the command line says; returns what it prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=350)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    scores = run(options.steps, options.seed)
    print("mask IoU on new images, trained on boxes alone")
    for name, value in scores._asdict().items():
        print(f"  {name:<10}{value:.3f}")
    return scores


if __name__ == "__main__":
    main()
