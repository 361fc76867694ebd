"""The whole loop at toy size: draw scenes, train pilots, plan what to buy, train on it, compare, report.

`hatch run demo` writes everything under `demo/`, and goes on where an earlier call was stopped. Every step is a public
function that a script of yours could call; `cqb-net study` is the same on your images.
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cqb_core.data.panoptic_files import find_split
from cqb_core.prediction import predict
from cqb_core.progress import reporting
from cqb_core.scenes import SceneStyle, write_scenes
from cqb_net.pilots import LocalProcesses
from cqb_net.pilots.local import gpus_here
from cqb_net.study import StudyResult, run_study
from cqb_pareto.report.words import told

CONFIG = "cqb-net_lite0_scenes"
BUDGET = 0.25
"""Of what it costs to label every image fully."""

SMALL = {
    "train_dataloader.dataset.pipeline.2.scale": (96, 96),
    "val_dataloader.dataset.pipeline.1.scale": (96, 96),
    "test_dataloader.dataset.pipeline.1.scale": (96, 96),
}
"""Config entries that take the scenes as small as they are drawn here."""

WEAK = ("B+I", "S")
SHARES = (0.15, 0.5)
"""Of full labels in the pilots; the others own nothing, or one of the label sets above."""


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "demo", help="folder to write")
    parser.add_argument("--images", type=int, default=80, help="scenes to train on")
    parser.add_argument("--pilot-epochs", type=int, default=6, help="length of a pilot")
    parser.add_argument("--epochs", type=int, default=7, help="length of a final training")
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time")
    arguments = parser.parse_args()
    out, console = arguments.out, Console()

    data = out / "scenes"
    if not data.exists():
        with reporting("draw scenes") as report:
            write_scenes(data, arguments.images, 32, SceneStyle(size=(96, 96)), seed=0, progress=report)
    made = run_study(
        data,
        CONFIG,
        out / "study",
        budget=BUDGET,
        shares=SHARES,
        pilot_seeds=1,
        kinds=WEAK,
        pilot_epochs=arguments.pilot_epochs,
        epochs=arguments.epochs,
        rivals=1,
        options=SMALL,
        executor=LocalProcesses(arguments.workers, gpus_here()),
    )
    tell(made, console)
    with reporting("predict") as report:
        run = made.of("planned")[0].folder / "training"
        predict(run, [find_split(data, "val").images_dir], out / "predictions", report=report)
    console.print(f"report: {made.page}")
    console.print(f"pictures: {out / 'study' / 'predictions.png'} and {out / 'predictions' / 'overlay'}")


def tell(made: StudyResult, console: Console) -> None:
    """The plan, and what it came to beside a random and an all-panoptic allocation of the same cost."""
    for line in told(made.plan):
        console.print(line, highlight=False)
    table = Table("labels for the same money", "shares", "cost", "PQ", "things", "stuff")
    for score in made.scores:
        shares = ", ".join(f"{kind.short} {share:.1%}" for kind, share in score.trial.allocation.items())
        quality = [f"{float(score.result[name]):.1f}" for name in ("pq", "pq_th", "pq_st")]
        table.add_row(score.trial.name, shares, f"{score.cost:.3f}", *quality)
    console.print(table)


if __name__ == "__main__":
    main()
