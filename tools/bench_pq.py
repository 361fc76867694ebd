"""Time panoptic quality on one core, side by side: ours, panopticapi, hotcoco and torchmetrics on the same images.

    python tools/bench_pq.py
    python tools/bench_pq.py --images 20 --repeats 7

The last three are no dependencies of the project. Those that cannot be imported are listed as such; to measure them
without touching the environment, install them elsewhere and name the folder:

    uv pip install --no-deps --target ../rivals panopticapi-lite hotcoco torchmetrics lightning-utilities
    PYTHONPATH=../rivals python tools/bench_pq.py

Times are processor seconds of this process, so that other programs on the machine disturb them less; the median and
the fastest of some repeats are shown. The floor is the time that it takes to read both maps (4 bytes a pixel each) at
the memory bandwidth of the same run.
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from cqb_core.evaluation import PanopticQuality, evaluate_files
from cqb_core.segments import PanopticMap, Segment
from cqb_core.taxonomy import Taxonomy

THINGS, STUFF = 80, 53
Pair = tuple[PanopticMap, PanopticMap]
Score = Callable[[], float]


@dataclass(frozen=True)
class Scene:
    """What the images of one measurement look like; with `noise`, every pixel is drawn alone (the worst case)."""

    height: int = 480
    width: int = 640
    segments: int = 10
    noise: bool = False

    def draw(self, images: int) -> list[Pair]:
        """(prediction, truth) of some images with 24-bit ids and a class of its own for each segment."""
        rng = np.random.default_rng(0)
        return [self._pair(rng) for _ in range(images)]

    def _pair(self, rng: np.random.Generator) -> Pair:
        categories = rng.permutation(THINGS + STUFF)[: self.segments] + 1
        seeds = rng.uniform(0, (self.height, self.width), (self.segments, 2))
        truth = self._map(seeds, categories, rng)
        return self._map(seeds + rng.normal(0, 12, seeds.shape), categories, rng), truth

    def _map(self, seeds: np.ndarray, categories: np.ndarray, rng: np.random.Generator) -> PanopticMap:
        cells = np.zeros((self.height, self.width), np.int64)
        nearest = np.full(cells.shape, np.inf)
        y, x = np.ogrid[: self.height, : self.width]
        for cell, (row, column) in enumerate(seeds):
            distance = (y - row) ** 2 + (x - column) ** 2
            cells[distance < nearest] = cell
            nearest = np.minimum(nearest, distance)
        if self.noise:
            cells = rng.integers(self.segments, size=cells.shape)
        ids = (rng.choice(2**24 - 1, self.segments, replace=False) + 1).astype(np.int32)
        shown = np.unique(cells)
        return PanopticMap(ids[cells], tuple(Segment(int(ids[i]), int(categories[i])) for i in shown))


def main() -> None:
    """Print one table for each kind of image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=8, help="images of each kind")
    parser.add_argument("--repeats", type=int, default=5, help="the median of so many is shown")
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = "1"
    core = _pin_to_one_core()
    bandwidth = memory_bandwidth()
    console = Console(width=110)
    load = f", load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    console.print(f"{platform.machine()}, {core}{load}, memory read at {bandwidth / 1e9:.1f} GB/s")
    scenes = (Scene(), Scene(segments=100), Scene(240, 320), Scene(960, 1280), Scene(noise=True))
    for scene in scenes:
        slow = scene == Scene()
        console.print(measure(scene, options.images, options.repeats, bandwidth, slow))


def measure(scene: Scene, images: int, repeats: int, bandwidth: float, slow: bool) -> Table:
    """The table of one kind of image.

    Args:
        scene: the kind of image.
        images: how many.
        repeats: how often each contender scores all of them.
        bandwidth: bytes per second.
        slow: whether torchmetrics takes part.
    """
    pairs = scene.draw(images)
    floor = 1e3 * 2 * scene.height * scene.width * 4 / bandwidth
    kind = "noise" if scene.noise else "cells"
    title = f"{scene.height}x{scene.width}, {scene.segments} segments, {kind}, {images} images; floor {floor:.3f} ms"
    table = Table(title=title, title_justify="left")
    for heading in ("", "ms/image", "fastest", "x ours in memory", "x floor", "PQ"):
        table.add_column(heading, justify="right" if heading else "left")
    ours = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, score in _contenders(pairs, Path(folder), slow).items():
            if isinstance(score, str):
                table.add_row(name, score)
                continue
            median, fastest, pq = _milliseconds(score, repeats, images)
            ours = ours or median
            ratios = f"{median / ours:.1f}", f"{median / floor:.1f}"
            table.add_row(name, f"{median:.3f}", f"{fastest:.3f}", *ratios, f"{100 * pq:.4f}")
    return table


def memory_bandwidth(size: int = 2**28) -> float:
    """Bytes per second that one core reads from memory: the best of five sums over an array of `size` bytes."""
    words = np.ones(size // 8, np.int64)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        words.sum()
        seconds.append(time.process_time() - start)
    return size / min(seconds)


def _contenders(pairs: list[Pair], folder: Path, slow: bool) -> dict[str, Score | str]:
    truth = _write(folder / "truth.json", [truth for _, truth in pairs])
    prediction = _write(folder / "prediction.json", [prediction for prediction, _ in pairs])
    contenders: dict[str, Score | str] = {
        "ours, in memory": lambda: _in_memory(pairs),
        "ours, from files": lambda: evaluate_files(truth, prediction).result().all.pq or 0.0,
        "panopticapi, from files": _or_missing(partial(_panopticapi, truth, prediction), "panopticapi-lite"),
        "hotcoco, from files": _or_missing(partial(_hotcoco, truth, prediction), "hotcoco"),
    }
    if slow:
        contenders["torchmetrics, in memory"] = _or_missing(partial(_torchmetrics, pairs), "torchmetrics")
    return contenders


def _or_missing(build: Callable[[], Score], package: str) -> Score | str:
    try:
        return build()
    except ModuleNotFoundError:
        return f"{package} is not installed"


def _in_memory(pairs: list[Pair]) -> float:
    quality = PanopticQuality(_taxonomy())
    for image_id, (prediction, truth) in enumerate(pairs):
        quality.update(prediction, truth, image_id)
    return quality.result().all.pq or 0.0


def _panopticapi(truth: Path, prediction: Path) -> Score:
    evaluation = importlib.import_module("panopticapi.evaluation")

    def score() -> float:
        true, predicted = (json.loads(path.read_text()) for path in (truth, prediction))
        categories = {category["id"]: category for category in true["categories"]}
        matched = list(zip(true["annotations"], predicted["annotations"], strict=True))
        folders = str(truth.with_suffix("")), str(prediction.with_suffix(""))
        stat = evaluation.pq_compute_single_core(0, matched, *folders, categories)
        return float(stat.pq_average(categories, isthing=None)[0]["pq"])

    return score


def _hotcoco(truth: Path, prediction: Path) -> Score:
    panoptic = importlib.import_module("hotcoco.panoptic")

    def score() -> float:
        evaluation = panoptic.PanopticEval(truth, prediction)
        evaluation.evaluate()
        return float(evaluation.results()["All"]["pq"])

    return score


def _torchmetrics(pairs: list[Pair]) -> Score:
    torch = importlib.import_module("torch")
    detection = importlib.import_module("torchmetrics.detection")
    torch.set_num_threads(1)
    things, stuff = set(range(1, THINGS + 1)), set(range(THINGS + 1, THINGS + STUFF + 1))
    tensors = [tuple(torch.from_numpy(_classes_and_ids(m))[None] for m in pair) for pair in pairs]

    def score() -> float:
        metric = detection.PanopticQuality(things, stuff)
        for prediction, truth in tensors:
            metric.update(prediction, truth)
        return float(metric.compute())

    return score


def _classes_and_ids(panoptic: PanopticMap) -> np.ndarray:
    """`h w 2`: category and segment id of each pixel, torchmetrics' input."""
    table = sorted((segment.id, segment.category_id) for segment in panoptic.segments)
    ids, categories = np.array(table).T
    return np.stack([categories[np.searchsorted(ids, panoptic.ids)], panoptic.ids], axis=-1)


def _milliseconds(score: Score, repeats: int, images: int) -> tuple[float, float, float]:
    """Median and least time an image, after one call that warms up, and the PQ. A call over 5 s is not repeated."""
    seconds: list[float] = []
    pq = 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        while len(seconds) <= repeats and not (seconds and seconds[-1] > 5):
            start = time.process_time()
            pq = score()
            seconds.append(time.process_time() - start)
    warmed = seconds[1:] or seconds
    return 1e3 * float(np.median(warmed)) / images, 1e3 * min(warmed) / images, pq


def _write(path: Path, maps: list[PanopticMap]) -> Path:
    """COCO panoptic json and PNG folder."""
    folder = path.with_suffix("")
    folder.mkdir()
    annotations = []
    for image_id, panoptic in enumerate(maps):
        name = f"{image_id}.png"
        rgb = np.stack([panoptic.ids >> shift & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)
        Image.fromarray(rgb).save(folder / name)
        segments = [
            {"id": s.id, "category_id": s.category_id, "iscrowd": 0, "area": int((panoptic.ids == s.id).sum())}
            for s in panoptic.segments
        ]
        annotations.append({"image_id": image_id, "file_name": name, "segments_info": segments})
    images = [{"id": i, "height": m.ids.shape[0], "width": m.ids.shape[1]} for i, m in enumerate(maps)]
    content = {"images": images, "annotations": annotations, "categories": _taxonomy().to_json()}
    path.write_text(json.dumps(content))
    return path


def _taxonomy() -> Taxonomy:
    kinds = [1] * THINGS + [0] * STUFF
    return Taxonomy.from_json([{"id": i, "name": str(i), "isthing": kind} for i, kind in enumerate(kinds, 1)], "bench")


def _pin_to_one_core() -> str:
    if not hasattr(os, "sched_setaffinity"):
        return "one thread"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"pinned to core {core}"


if __name__ == "__main__":
    main()
