import contextlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cqb_core.segments import VOID, PanopticMap, Segment
from cqb_core.taxonomy import Category, Taxonomy

SHAPE = (48, 64)


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    things = (Category(200, "car", True, (1, 2, 3)), Category(1, "person", True, (4, 5, 6)))
    stuff = (Category(95, "sky", False, (7, 8, 9)), Category(6, "road", False, (9, 9, 9)))
    return Taxonomy(things, stuff)


@dataclass(frozen=True)
class Drawing:
    """Random maps of one taxonomy: Voronoi cells with 24-bit ids, void, crowds, and spoiled copies of them."""

    taxonomy: Taxonomy

    def truth(self, rng: np.random.Generator, segments: int = 12, shape: tuple[int, int] = SHAPE) -> PanopticMap:
        cells = _cells(rng, segments + 2, shape)
        table = [Segment(int(i), self._category(rng)) for i in _fresh_ids(rng, segments)]
        table = [
            replace(s, iscrowd=self.taxonomy.index[s.category_id] < self.taxonomy.num_things and rng.random() < 0.3)
            for s in table
        ]
        ids = np.array([*(s.id for s in table), VOID, VOID], np.int32)[cells]
        return PanopticMap(ids, _shown(ids, table))

    def spoiled(self, truth: PanopticMap, rng: np.random.Generator) -> PanopticMap:
        """Shifted, with other ids, some classes wrong, some cells added and some void."""
        ids = np.roll(truth.ids, rng.integers(-3, 4, 2), axis=(0, 1))
        others = _fresh_ids(rng, len(truth.segments) + 3)
        out = np.zeros_like(ids)
        table = []
        for segment, other in zip(truth.segments, others, strict=False):
            wrong = rng.random() < 0.2
            out[ids == segment.id] = other
            table.append(Segment(int(other), self._category(rng) if wrong else segment.category_id))
        cells = _cells(rng, 40, ids.shape)
        for cell, other in enumerate(others[-3:]):
            out[cells == cell] = other
            table.append(Segment(int(other), self._category(rng)))
        out[np.isin(cells, [3, 4])] = VOID
        return PanopticMap(out, _shown(out, table))

    def pairs(self, seed: int, images: int) -> list[tuple[PanopticMap, PanopticMap]]:
        """(prediction, truth) of some images."""
        rng = np.random.default_rng(seed)
        truths = [self.truth(rng) for _ in range(images)]
        return [(self.spoiled(truth, rng), truth) for truth in truths]

    def _category(self, rng: np.random.Generator) -> int:
        return self.taxonomy.categories[rng.integers(len(self.taxonomy.categories))].id


@pytest.fixture(scope="session")
def drawing(taxonomy: Taxonomy) -> Drawing:
    return Drawing(taxonomy)


WriteMaps = Callable[[Path, list[PanopticMap]], Path]


@pytest.fixture
def write_maps(taxonomy: Taxonomy) -> WriteMaps:
    """Write maps as COCO panoptic json and PNG folder; images are 0, 1, 2..."""

    def write(path: Path, maps: list[PanopticMap]) -> Path:
        folder = path.with_suffix("")
        folder.mkdir()
        annotations = []
        for image_id, panoptic in enumerate(maps):
            ids = panoptic.ids.astype(np.uint32)
            rgb = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=-1).astype(np.uint8)
            Image.fromarray(rgb).save(folder / f"{image_id}.png")
            annotations.append(
                {"image_id": image_id, "file_name": f"{image_id}.png", "segments_info": _table_json(panoptic)}
            )
        path.write_text(json.dumps({"annotations": annotations, "categories": taxonomy.to_json()}))
        return path

    return write


@pytest.fixture(scope="session")
def panopticapi_pq():
    """`panopticapi`'s result on json files, in this process and silent."""
    evaluation = pytest.importorskip("panopticapi.evaluation")

    def compute(truth_json: Path, prediction_json: Path) -> dict:
        truth, prediction = (json.loads(path.read_text()) for path in (truth_json, prediction_json))
        categories = {c["id"]: c for c in truth["categories"]}
        predicted = {a["image_id"]: a for a in prediction["annotations"]}
        matched = [(a, predicted[a["image_id"]]) for a in truth["annotations"]]
        folders = (str(truth_json.with_suffix("")), str(prediction_json.with_suffix("")))
        with contextlib.redirect_stdout(io.StringIO()):
            stat = evaluation.pq_compute_single_core(0, matched, *folders, categories)
        groups = {}
        for name, isthing in (("all", None), ("things", True), ("stuff", False)):
            groups[name], per_class = stat.pq_average(categories, isthing)
            if name == "all":
                classes = per_class
        return {"groups": groups, "classes": classes, "stat": stat}

    return compute


@pytest.fixture(scope="session")
def shared_data() -> Path:
    default = Path(__file__).resolve().parents[5] / "shared" / "data"
    folder = Path(os.environ.get("CQB_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}; set CQB_DATA to one with coco200 and panopticapi_sample")
    return folder


def _fresh_ids(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.choice(2**24 - 1, count, replace=False) + 1


def _cells(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
    seeds = rng.uniform(0, shape, (count, 2))
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.argmin((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2, axis=-1)


def _shown(ids: np.ndarray, table: list[Segment]) -> tuple[Segment, ...]:
    present = set(np.unique(ids).tolist())
    return tuple(segment for segment in table if segment.id in present)


def _table_json(panoptic: PanopticMap) -> list[dict]:
    return [
        {
            "id": s.id,
            "category_id": s.category_id,
            "iscrowd": int(s.iscrowd),
            "area": int((panoptic.ids == s.id).sum()),
        }
        for s in panoptic.segments
    ]
