"""What each method of cqb-weak learns on drawn images from its cheap label alone, over seeds, as a CSV file.

    hatch run python tools/learn_weak.py box2mask packages/cqb-weak/results/box2mask.csv [--seeds 3]

A row names its seed and the command of the example that prints the same numbers.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from weak_results import Row, write

from cqb_weak.examples import box2mask_crops, segmentation_cls2pixel, tags_to_boxes


def box2mask(seed: int) -> list[Row]:
    """Mean mask IoU on new images."""
    scores = box2mask_crops.main(["--seed", str(seed)])._asdict()
    return [{"seed": seed, **{name: f"{value:.3f}" for name, value in scores.items()}}]


def cls2pixel(seed: int) -> list[Row]:
    """MIoU on new images."""
    scores = segmentation_cls2pixel.main(["--seed", str(seed)])
    return [{"seed": seed, **{name: f"{value:.3f}" for name, value in scores.items()}}]


def cls2box(seed: int) -> list[Row]:
    """CorLoc on the tagged images, a row a way of using the tags."""
    found = tags_to_boxes.main(["--seed", str(seed)])
    return [
        {"seed": seed, "way": way, **{name: f"{value:.3f}" for name, value in corloc._asdict().items()}}
        for way, corloc in found.items()
    ]


METHODS: dict[str, tuple[str, Callable[[int], list[Row]]]] = {
    "box2mask": ("box2mask_crops", box2mask),
    "cls2pixel": ("segmentation_cls2pixel", cls2pixel),
    "cls2box": ("tags_to_boxes", cls2box),
}


def main() -> None:
    """Run the example once a seed; the file is written anew after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    example, learn = METHODS[given.method]
    rows: list[Row] = []
    for seed in range(given.seeds):
        command = f"python -m cqb_weak.examples.{example} --seed {seed}"
        rows += [{**row, "command": command} for row in learn(seed)]
        write(given.csv, rows)


if __name__ == "__main__":
    main()
