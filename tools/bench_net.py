"""What a prediction of CQB-Net costs beside the bare cascade's: counted FLOPs and latency, as ratios within one run.

    hatch run python tools/bench_net.py --csv packages/cqb-net/results/cost.csv
    hatch run python tools/bench_net.py --training --size 640x480 --csv packages/cqb-net/results/cost.csv

`--training` takes steps on a batch of four drawn images that own P, B, I and S, each network in a process of its own,
so that its peak of memory is its own. Otherwise the two networks see the same image by turns. The paper reports +14.02
GFLOPs and 283 against 256 ms (a ratio of 1.105) for ResNet-50 at 1333x800. FLOPs are twice the multiply-adds, as torch
counts them.
"""

import argparse
import copy
import csv
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from revision import commit
from torch.utils.flop_counter import FlopCounterMode

from cqb_core.files import replacing
from cqb_core.plugins import register
from cqb_core.scenes import SceneStyle, write_scenes
from cqb_core.testing import write_labels
from cqb_core.training import load_config

ROOT = Path(__file__).parent.parent
NAMES = {"cascade": "panoptic-cascade_r50_fpn_24e_coco", "cqb-net": "cqb-net_r50_fpn_24e_coco"}
ROUNDS = 3
Measured = tuple[str, dict[str, float], int]
"""What, how much of it by network, and how often it was repeated."""

COLUMNS = ("measure", "size", "threads", "cascade", "cqb_net", "difference", "ratio", "repeats", "device", "commit")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1333x800", help="width x height")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--skip-flops", action="store_true")
    parser.add_argument("--training", action="store_true", help="measure training steps instead")
    parser.add_argument("--csv", type=Path, help="append the rows to this file")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    measure = training if arguments.training else prediction
    rows = measure(width, height, arguments)
    table = [
        {
            "measure": measure,
            "size": arguments.size,
            "threads": torch.get_num_threads(),
            "cascade": f"{found['cascade']:.4g}",
            "cqb_net": f"{found['cqb-net']:.4g}",
            "difference": f"{found['cqb-net'] - found['cascade']:.4g}",
            "ratio": f"{found['cqb-net'] / found['cascade']:.3f}",
            "repeats": repeats,
            "device": torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu",
            "commit": commit(),
        }
        for measure, found, repeats in rows
    ]
    for row in table:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    if arguments.csv:
        append(arguments.csv, table)


def prediction(width: int, height: int, arguments: argparse.Namespace) -> list[Measured]:
    """FLOPs and seconds of a prediction."""
    register()
    networks = {name: network(config).to(arguments.device).eval() for name, config in NAMES.items()}
    batch = photograph(width, height)
    rows: list[Measured] = []
    if not arguments.skip_flops:
        rows.append(("inference GFLOPs", {name: gflops(each, batch) for name, each in networks.items()}, 1))
    return [*rows, ("inference seconds", by_turns(networks, batch, arguments.repeats), arguments.repeats)]


def training(width: int, height: int, arguments: argparse.Namespace) -> list[Measured]:
    """Seconds and GiB of a training step, the networks by turns as processes; medians over the rounds."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    for _ in range(ROUNDS):
        for name in NAMES:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                steps = max(1, arguments.repeats // ROUNDS)
                found[name].append(pool.submit(steps_of, name, width, height, arguments.device, steps).result())
    seconds, memory = ({name: median(pair[i] for pair in each) for name, each in found.items()} for i in (0, 1))
    return [("training step seconds", seconds, arguments.repeats), ("training step GiB", memory, ROUNDS)]


def steps_of(name: str, width: int, height: int, device: str, steps: int) -> tuple[float, float]:
    """Median seconds of a network's training step, one more left out, and the most memory that it took in GiB."""
    register()
    with tempfile.TemporaryDirectory() as folder, DefaultScope.overwrite_default_scope("mmdet"):
        config = load_config(NAMES[name])
        batch = mixed_batch(config, Path(folder), width, height)
        each = network(NAMES[name], **config.model.to_dict()).to(device).train()
        wrapper = OptimWrapper(torch.optim.SGD(each.parameters(), lr=1e-6))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        times = []
        for _ in range(steps + 1):
            begun = time.perf_counter()
            each.train_step(copy.deepcopy(batch), wrapper)
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20 - before
    return median(times[1:]), torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else taken


def mixed_batch(config: Any, folder: Path, width: int, height: int) -> dict[str, Any]:
    """Four drawn images of a size that own P, B, I and S; the config learns their numbers of classes."""
    write_scenes(folder, train=4, val=0, style=SceneStyle(size=(height, width), things=(4, 10)), seed=0)
    labels = write_labels(folder, ["P", "B", "I", "S"], folder / "labels.json")
    data = config.train_dataloader.dataset
    data.update(data_root=str(folder), ann_file="annotations/panoptic_train.json", assignment=str(labels))
    data.data_prefix = {"img": "train/", "seg": "annotations/panoptic_train/"}
    resize = {"type": "Resize", "scale": (width, height), "keep_ratio": False}
    data.pipeline = [{"type": "LoadPhoto"}, {"type": "LoadOwnedLabels"}, resize, {"type": "PackOwnedLabels"}]
    built = DATASETS.build(data)
    config.model.num_things, config.model.num_stuff = built.taxonomy.num_things, built.taxonomy.num_stuff
    return pseudo_collate([built[place] for place in range(len(built))])


def network(name: str, **changes: Any) -> Any:
    """A network with random weights from a fixed seed; of COCO's classes unless `changes` say another thing."""
    torch.manual_seed(0)
    model = load_config(name).model
    model.update(changes)
    model.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope("mmdet"):
        return MODELS.build(model)


def photograph(width: int, height: int) -> dict[str, Any]:
    """One random image as a data set would give it."""
    from mmdet.structures import DetDataSample

    pixels = torch.randint(0, 256, (3, height, width), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    shape = (height, width)
    meta = {"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0), "flip": False, "img_id": 1}
    return {"inputs": [pixels], "data_samples": [DetDataSample(metainfo=meta)]}


@torch.no_grad()
def predict(each: Any, batch: dict[str, Any]) -> None:
    """Backbone to panoptic map."""
    data = each.data_preprocessor(batch, False)
    each.predict(data["inputs"], data["data_samples"])


def gflops(each: Any, batch: dict[str, Any]) -> float:
    """Counted on one prediction."""
    with FlopCounterMode(display=False) as counter:
        predict(each, batch)
    return float(counter.get_total_flops()) / 1e9


def by_turns(networks: dict[str, Any], batch: dict[str, Any], repeats: int) -> dict[str, float]:
    """Median seconds of each, after one prediction that does not count."""
    times: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(repeats + 1):
        for name, each in networks.items():
            begun = time.perf_counter()
            predict(each, batch)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if turn:
                times[name].append(time.perf_counter() - begun)
    return {name: median(values) for name, values in times.items()}


def append(path: Path, rows: list[dict[str, Any]]) -> None:
    """Put rows into a CSV; those of the same measure, size, threads and device are replaced."""
    old = list(csv.DictReader(path.open(newline=""))) if path.exists() else []
    key = ("measure", "size", "threads", "device")
    new = {tuple(str(row[k]) for k in key) for row in rows}
    kept = [row for row in old if tuple(row[k] for k in key) not in new]
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=COLUMNS)
        writer.writeheader()
        writer.writerows([*kept, *rows])


if __name__ == "__main__":
    main()
