"""What large data sets and extreme images cost: seconds and memory, one fresh process a line of the CSV.

    python tools/bench_scale.py [--only extreme]

The data set is synthetic (`write_large_index.py`), the weights are random: only time and memory mean something. Rows of
cases that were not measured stay, and the README beside the CSV's folder shows what is in it (`<!-- table scale -->`).
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from readme_tables import markdown, rewrite
from revision import commit

from cqb_core.files import replacing

INDEX = ("index, first time", "index, second time", "assign", "start an epoch", "check 2000 images")
EXTREME = ("4000x3000, 100 objects", "1x1", "test 1x1", "test 4000x3000", "no label at all")
FIELDS = ("case", "what", "seconds", "cpu_seconds", "peak_gib", "worker_mib", "detail", "commit", "machine")


def measure_index(case: str, root: Path) -> dict:
    """One of `INDEX`, in this process."""
    from cqb_core.data.panoptic_files import find_split, fingerprint, read_split

    split = find_split(root, "train")
    index = read_split(split)
    if case.startswith("index"):
        return {"detail": f"{len(index.entries)} images, {len(index.entries.columns.segments)} segments"}
    from cqb_core import assign, parse_allocation

    labels = root / "labels.json"
    if case == "assign":
        made = assign(index.entries.image_ids(), parse_allocation("P=0.1,B=0.4,I=0.5"), 0, fingerprint(index))
        made.write(labels)
        return {"detail": "P=0.1,B=0.4,I=0.5"}
    return {"start an epoch": _start, "check 2000 images": _check}[case](root, split, index, labels)


def _start(root, split, index, labels) -> dict:
    from mmengine.registry import DefaultScope
    from mmengine.runner import Runner
    from write_large_index import draw

    import cqb_core.registry  # noqa: F401
    from cqb_core.training import load_config
    from cqb_core.training.config import fit_to_data
    from cqb_core.training.resumable import make_resumable

    config = load_config("panoptic-cascade_r50_fpn_24e_coco")
    fit_to_data(config, (split, split), index.taxonomy, labels)
    make_resumable(config)
    with DefaultScope.overwrite_default_scope("mmdet"):
        loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    places = {image_id: row for row, image_id in enumerate(index.entries.image_ids())}
    needed = [int(i) for batch, _ in zip(loader.batch_sampler, range(16), strict=False) for i in batch]
    for number in needed:
        draw(root, split.name, index.entries[places[loader.dataset.get_data_info(number)["img_id"]]])
    batches = iter(loader)
    sizes = [len(next(batches)["data_samples"]) for _ in range(4)]
    private = max(_private_mib(worker.pid) for worker in batches._workers)
    return {"detail": f"{len(loader)} batches; first ones of {sizes} images", "worker_mib": round(private)}


def _check(root, split, index, labels) -> dict:
    from write_large_index import draw

    from cqb_core.data.assigned import owned_labels
    from cqb_core.data.audit import _check_all as check_all
    from cqb_core.data.panoptic_files import PanopticIndex

    chosen = index.entries[:2000]
    for entry in chosen:
        if not split.image_path(entry).exists():
            draw(root, split.name, entry)
    began, worked = time.monotonic(), time.process_time()
    part = PanopticIndex(index.taxonomy, chosen)
    found = sum(len(faults) for faults in check_all(split, part, owned_labels(None, part), os.cpu_count() or 1))
    seconds, busy = time.monotonic() - began, time.process_time() - worked
    return {"detail": f"{found} faults, {busy / seconds:.2f} cores busy", "seconds": seconds}


def measure_extreme(case: str, root: Path) -> dict:
    """One of `EXTREME`: the R50 network for 133 classes, 1000 proposals, in this process."""
    import torch
    from mmdet.registry import MODELS
    from mmengine.registry import DefaultScope

    import cqb_core.registry  # noqa: F401
    from cqb_core.training import load_config

    torch.manual_seed(0)
    config = load_config("panoptic-cascade_r50_fpn_24e_coco")
    config.model.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope("mmdet"):
        network = MODELS.build(config.model)
        batch = _batch(case, root)
        if case.startswith("test"):
            return _test(network.eval(), batch)
        data = network.train().data_preprocessor(batch, True)
        loss, _ = network.parse_losses(network.loss(data["inputs"], data["data_samples"]))
        loss.backward()
    if not torch.isfinite(loss):
        raise RuntimeError(f"loss: wanted a number, got {loss}")
    return {"detail": f"loss {float(loss):.2f}, input {tuple(data['inputs'].shape)}"}


def _test(network, batch) -> dict:
    import torch

    network.test_cfg.rcnn.score_thr = network.test_cfg.panoptic.score_thr = 0.0  # random weights are sure of nothing
    with torch.no_grad():
        (sample,) = network.test_step(batch)
    shape = tuple(sample.pred_panoptic_seg.sem_seg.shape)
    return {"detail": f"{len(sample.pred_instances)} detections, map {shape}"}


def _batch(case: str, root: Path) -> dict:
    import numpy as np
    from mmdet.registry import DATASETS
    from mmengine.dataset import pseudo_collate

    from cqb_core.data.images import write_id_map, write_image
    from cqb_core.labels import Labels
    from cqb_core.training import load_config

    name = "val" if case.startswith("test") else "train"
    width, height = (1, 1) if "1x1" in case else (4000, 3000)
    objects = 1 if width == 1 else 100
    ids = np.zeros((height, width), np.int32) + 1000
    for k in range(objects if width > 1 else 0):
        y, x = divmod(k, 10)
        ids[y * 300 + 20 : y * 300 + 260, x * 400 + 20 : x * 400 + 360] = k + 1
    _write_one(root, name, ids, objects)
    write_image(root / name / "1.png", (ids[..., None] * np.array([7, 13, 29]) % 256).astype(np.uint8))
    write_id_map(root / "annotations" / f"panoptic_{name}" / "1.png", ids)
    config = load_config("panoptic-cascade_r50_fpn_24e_coco")
    settings = (config.train_dataloader if name == "train" else config.val_dataloader).dataset
    settings.update(
        data_root=str(root),
        ann_file=f"annotations/panoptic_{name}.json",
        data_prefix={"img": name, "seg": f"annotations/panoptic_{name}"},
    )
    if case == "no label at all":
        settings.update(assignment=None, test_mode=True)
        settings.pipeline = [step for step in settings.pipeline if step["type"] != "LoadOwnedLabels"]
    sample = DATASETS.build(settings)[0]
    if case == "no label at all":
        assert sample["data_samples"].label_set == Labels(0).value
    return pseudo_collate([sample])


def _write_one(root: Path, name: str, ids, objects: int) -> None:
    from write_large_index import _categories

    from cqb_core.data.columns import PanopticEntry, SegmentInfo
    from cqb_core.data.panoptic_writing import annotation_json, image_json, measure_segments, write_panoptic_json
    from cqb_core.taxonomy import Taxonomy

    for folder in (root / name, root / "annotations" / f"panoptic_{name}"):
        folder.mkdir(parents=True, exist_ok=True)
    classes = Taxonomy.from_json(_categories(), "categories")
    measured = measure_segments(ids)
    segments = tuple(
        SegmentInfo(i, i % 80 + 1 if i < 1000 else 81, box, area, False) for i, (box, area) in measured.items()
    )
    entry = PanopticEntry(1, "1.png", ids.shape[1], ids.shape[0], "1.png", segments)
    path = root / "annotations" / f"panoptic_{name}.json"
    write_panoptic_json(path, [image_json(entry)], [annotation_json(entry)], classes)


def _private_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def in_a_process(script: str, case: str, root: Path) -> dict:
    """Run one case of a script in a process of its own, so that its peak is its own."""
    call = [sys.executable, "-W", "ignore", script, "--case", case, "--root", str(root)]
    done = subprocess.run(call, capture_output=True, text=True)
    row = json.loads(done.stdout.strip().splitlines()[-1]) if not done.returncode else None
    row = row or {"case": case, "detail": f"failed: {done.stderr.strip().splitlines()[-1][:200]}"}
    print(row, file=sys.stderr, flush=True)
    return row


def measure_and_print(measure: Callable[[str, Path], dict], case: str, root: Path, what: str) -> None:
    """Measure one case in this process: the seconds that it tells or took, and the peak of the whole process."""
    began = time.monotonic()
    found = measure(case, root)
    seconds = found.pop("seconds", time.monotonic() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cost = {"seconds": round(seconds, 2), "cpu_seconds": round(time.process_time(), 1), "peak_gib": round(peak, 2)}
    print(json.dumps({"case": case, "what": what, **cost, **found}))


def measure_all(script: str, cases: Sequence[str]) -> list[dict]:
    """The rows of a script's cases, which share one folder that is removed after."""
    with tempfile.TemporaryDirectory() as folder:
        return [in_a_process(script, case, Path(folder)) for case in cases]


def write_rows(rows: Sequence[dict], out: Path) -> None:
    """Put the rows into the CSV, with the commit and the machine, and show them in the README of the package."""
    machine = f"{os.cpu_count()} cores, one thread, load {os.getloadavg()[2]:.0f}"
    kept = {row["case"]: row for row in read_rows(out)}
    kept |= {row["case"]: {**row, "commit": commit(), "machine": machine} for row in rows}
    with replacing(out) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(kept.values())
    rewrite(out.parents[1] / "README.md", lambda name: table(read_rows(out)) if name == "scale" else None)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def table(rows: Sequence[dict[str, str]]) -> str:
    """The table of a README."""
    head = ("", "seconds", "processor seconds of the process", "peak GiB", "")
    return markdown(
        head, [[row[name] for name in ("case", "seconds", "cpu_seconds", "peak_gib", "detail")] for row in rows]
    )


def main() -> None:
    """Measure every case and write the CSV, or one case and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("packages/cqb-core/results/scale.csv"))
    parser.add_argument("--images", type=int, default=118_287)
    parser.add_argument("--only", choices=("index", "extreme"))
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        of_index = given.case in INDEX
        what = "118,287 images of COCO's size" if of_index else "R50, 133 classes, 1000 proposals"
        measure_and_print(measure_index if of_index else measure_extreme, given.case, given.root, what)
        return
    write_rows(_measure_all(given.images, given.only), given.out)


def _measure_all(images: int, only: str | None) -> list[dict]:
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CQB_CACHE"] = str(Path(folder) / "cache")
        large = Path(folder) / "large"
        if only != "extreme":
            from write_large_index import write_index

            write_index(large, images)
            time.sleep(3)  # an index of a file that has just changed is not kept
            rows += [in_a_process(__file__, case, large) for case in INDEX]
        if only != "index":
            rows += [in_a_process(__file__, case, Path(folder) / f"extreme{i}") for i, case in enumerate(EXTREME)]
    return rows


if __name__ == "__main__":
    main()
