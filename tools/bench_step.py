"""What a training step costs beside stock mmdet's: the same weights, inputs and optimiser, in one run, in turn.

    hatch run python tools/bench_step.py [--config NAME] [--steps 20] [--csv FILE]

Prints the median of the ratios pair by pair, in processor time and in wall time, with their quartiles, and the
peak of the machine's load. All images own all labels and there is no auxiliary, so both networks do the same work.
"""

import argparse
import copy
import csv
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from revision import commit
from torch import nn

import cqb_core.registry  # noqa: F401
from cqb_core.files import replacing
from cqb_core.models.stock import stock_config
from cqb_core.scenes import SceneStyle, write_scenes
from cqb_core.training import load_config


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="panoptic-cascade_tiny_scenes")
    parser.add_argument("--csv", type=Path, help="file to write the ratios to")
    parser.add_argument("--steps", type=int, default=20, help="pairs of steps, after two that are not counted")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    with DefaultScope.overwrite_default_scope("mmdet"), tempfile.TemporaryDirectory() as folder:
        batch = draw_batch(config, Path(folder))
        ours, theirs = networks(config.model)
        pairs = [(step(ours, batch), step(theirs, batch)) for _ in range(arguments.steps + 2)][2:]
    print(f"{arguments.config}, batch {len(batch['inputs'])}, {torch.get_num_threads()} threads, {len(pairs)} pairs")
    rows = []
    for place, name in enumerate(("processor", "wall")):
        ratios = [mine[place] / other[place] for mine, other in pairs]
        low, median, high = statistics.quantiles(ratios, n=4)
        seconds = statistics.median(mine[place] for mine, _ in pairs)
        print(f"{name} time: {seconds:.3f} s a step; ratio to stock {median:.3f} (quartiles {low:.3f} to {high:.3f})")
        rows.append({"time": name, "seconds": f"{seconds:.3f}", "ratio": f"{median:.3f}", "low": f"{low:.3f}"})
        rows[-1] |= {"high": f"{high:.3f}", "pairs": len(pairs), "config": arguments.config, "commit": commit()}
    if arguments.csv:
        with replacing(arguments.csv) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


def draw_batch(config: dict, folder: Path) -> dict:
    """One augmented batch of drawn scenes."""
    size = config.train_dataloader.batch_size
    write_scenes(folder, train=size, val=0, style=SceneStyle(size=(128, 128)))
    data = config.train_dataloader.dataset
    data.update(data_root=str(folder), ann_file="annotations/panoptic_train.json")
    data.data_prefix = {"img": "train/", "seg": "annotations/panoptic_train/"}
    built = DATASETS.build(data)
    config.model.num_things, config.model.num_stuff = built.taxonomy.num_things, built.taxonomy.num_stuff
    return pseudo_collate([built[place] for place in range(size)])


def networks(config: dict) -> tuple[tuple[nn.Module, OptimWrapper], ...]:
    """Ours and mmdet's with the same weights, each with an optimiser."""
    ours, theirs = MODELS.build(copy.deepcopy(config)).train(), MODELS.build(stock_config(config)).train()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return tuple((net, OptimWrapper(torch.optim.SGD(net.parameters(), lr=1e-4))) for net in (ours, theirs))


def step(network: tuple[nn.Module, OptimWrapper], batch: dict) -> tuple[float, float]:
    """Processor and wall seconds of a training step."""
    data = copy.deepcopy(batch)
    torch.manual_seed(0)
    processor, wall = time.process_time(), time.perf_counter()
    network[0].train_step(data, network[1])
    return time.process_time() - processor, time.perf_counter() - wall


if __name__ == "__main__":
    main()
