"""The main job at toy size: draw scenes, assign labels, train on the mixture, evaluate, write pictures.

`hatch run demo` writes everything under `demo/`. Every step is a public function that a script of yours could call.
"""

import argparse
import shutil
import sys
from pathlib import Path

from rich.console import Console

from cqb_core import assign, parse_allocation
from cqb_core.data.images import read_image, write_image
from cqb_core.data.panoptic_files import find_split, fingerprint, read_split
from cqb_core.evaluation.evaluator import true_map
from cqb_core.evaluation.run import evaluate
from cqb_core.network import load_network
from cqb_core.prediction import draw_sheet, predict, predict_image
from cqb_core.progress import reporting
from cqb_core.scenes import write_scenes
from cqb_core.training import train

RATIO = "P=0.5,B=0.3,I=0.2"


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "demo", help="folder to write")
    parser.add_argument("--epochs", type=int, default=8, help="epochs to train")
    arguments = parser.parse_args()
    out, console = arguments.out, Console()
    shutil.rmtree(out / "run", ignore_errors=True)

    with reporting("draw scenes") as report:
        write_scenes(out / "scenes", train=200, val=40, seed=0, progress=report)
    index = read_split(find_split(out / "scenes", "train"))
    assignment = assign([entry.image_id for entry in index.entries], parse_allocation(RATIO), 0, fingerprint(index))
    assignment.write(out / "labels.json")
    owned = ", ".join(f"{labels.short} {len(images)}" for labels, images in assignment.images.items())
    console.print(f"200 drawn scenes; labels: {owned} (P panoptic, B boxes, I image tags)")

    train("panoptic-cascade_tiny_scenes", out / "scenes", out / "run", out / "labels.json", epochs=arguments.epochs)
    scores = evaluate(out / "run", out / "scenes")
    scores.write(out / "scores.json")
    console.print(scores.table())

    split = find_split(out / "scenes", "val")
    with reporting("predict") as report:
        predict(out / "run", [split.images_dir], out / "predictions", report=report)
    network, entries = load_network(out / "run"), read_split(split).entries[:8]
    photos = [split.image_path(entry) for entry in entries]
    truths, found = [true_map(split, entry) for entry in entries], [predict_image(network, photo) for photo in photos]
    sheet = draw_sheet([read_image(photo) for photo in photos], truths, found, network.taxonomy, across=2)
    write_image(out / "demo.png", sheet)
    console.print(f"pictures: {out / 'demo.png'} and {out / 'predictions' / 'overlay'}")


if __name__ == "__main__":
    sys.exit(main())
