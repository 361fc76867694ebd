import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cqb_core.errors import InputError
from cqb_core.evaluation.average_precision import AveragePrecision, Detections
from cqb_core.segments import PanopticMap, Segment
from cqb_core.taxonomy import Taxonomy

SHAPE = (120, 160)
CAR, PERSON, SKY = 200, 1, 95


def detect(truth, taxonomy, rng):
    """Jittered copies of the true things, some of the wrong class or twice, and boxes of nothing."""
    things = {c.id for c in taxonomy.things}
    masks, categories = [], []
    for segment in truth.segments:
        for _ in range(rng.integers(0, 3) if segment.category_id in things else 0):
            masks.append(np.roll(truth.ids == segment.id, rng.integers(-4, 5, 2), (0, 1)))
            wrong = rng.random() < 0.2
            categories.append(int(rng.choice(sorted(things))) if wrong else segment.category_id)
    for _ in range(2):
        y, x = rng.integers(0, 60, 2)
        masks.append(np.zeros(SHAPE, bool))
        masks[-1][y : y + 30, x : x + 40] = True
        categories.append(CAR)
    boxes = [[*np.argwhere(m).min(0)[::-1], *(np.argwhere(m).max(0)[::-1] + 1)] for m in masks]
    # Few distinct scores, so that ties occur.
    scores = rng.integers(1, 6, len(masks)) / 7
    return Detections(
        np.array(boxes, float) + rng.uniform(0, 0.5, (len(boxes), 4)), scores, np.array(categories), np.array(masks)
    )


@pytest.fixture(scope="module")
def images(drawing):
    rng = np.random.default_rng(0)
    truths = [drawing.truth(rng, segments=30, shape=SHAPE) for _ in range(6)]
    return {40 - i: (detect(truth, drawing.taxonomy, rng), truth) for i, truth in enumerate(truths)}


def collect(taxonomy, images, **options):
    metric = AveragePrecision(taxonomy, **options)
    for image_id, (detections, truth) in images.items():
        metric.update(detections, truth, image_id)
    return metric


def encode(mask):
    code = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": code["size"], "counts": code["counts"].decode()}


def write_instances(path, taxonomy, images):
    """The json file that COCO would publish for the things."""
    things = {c.id for c in taxonomy.things}
    annotations = []
    for image_id, (_, truth) in images.items():
        for segment in truth.segments:
            if segment.category_id in things:
                mask = truth.ids == segment.id
                rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": segment.category_id,
                        "iscrowd": int(segment.iscrowd),
                        "bbox": [int(v) for v in box],
                        "area": int(mask.sum()),
                        "segmentation": encode(mask),
                    }
                )
    described = [{"id": image_id, "height": SHAPE[0], "width": SHAPE[1]} for image_id in images]
    path.write_text(json.dumps({"images": described, "annotations": annotations, "categories": taxonomy.to_json()[:2]}))
    return path


def write_results(path, images, kind):
    rows = []
    for image_id, (found, _) in images.items():
        assert found.masks is not None
        for box, score, category, mask in zip(found.boxes, found.scores, found.category_ids, found.masks, strict=True):
            row = {"image_id": image_id, "category_id": int(category), "score": float(score)}
            left, top, right, bottom = box.tolist()
            if kind == "bbox":
                row["bbox"] = [left, top, right - left, bottom - top]
            else:
                row["segmentation"] = encode(mask)
            rows.append(row)
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_equals_pycocotools_on_json_files(kind, tmp_path, taxonomy, images):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(write_instances(tmp_path / "truth.json", taxonomy, images)))
        found = truth.loadRes(str(write_results(tmp_path / "found.json", images, kind)))
        wanted = COCOeval(truth, found, kind)
        wanted.evaluate()
        wanted.accumulate()
        wanted.summarize()
    metric = collect(taxonomy, images)
    result = metric.box() if kind == "bbox" else metric.mask()
    ours = (result.ap, result.ap50, result.ap75, result.small, result.medium, result.large)
    assert [-1 if value is None else value for value in ours] == wanted.stats[:6].tolist()
    # cocoeval sorts classes by id: person (1) before car (200).
    per_class = wanted.eval["precision"][:, :, ::-1, 0, -1].mean(axis=(0, 1))
    assert [row.ap for row in result.classes] == pytest.approx(per_class, abs=1e-12)
    assert [row.category.id for row in result.classes] == [CAR, PERSON]
    assert result.images == 6
    assert 0.05 < result.ap < 0.95
    assert result.large is None
    assert result.small != result.medium


def test_a_perfect_and_a_missed_thing(taxonomy):
    ids = np.zeros(SHAPE, np.int32)
    ids[10:50, 20:60], ids[60:100, 20:60] = 3, 4
    truth = PanopticMap(ids, (Segment(3, CAR), Segment(4, CAR)))
    found = Detections(np.array([[20.0, 10, 60, 50]]), np.array([0.9]), np.array([CAR]), (ids == 3)[None])
    metric = collect(taxonomy, {1: (found, truth)})
    # Recall 0 to 0.5 at precision 1: 51 of 101 points.
    for result in (metric.box(), metric.mask()):
        assert result.ap == pytest.approx(51 / 101, abs=1e-12)
        assert (result.small, result.medium, result.large) == (None, pytest.approx(51 / 101, abs=1e-12), None)
        assert [row.ap for row in result.classes] == [pytest.approx(51 / 101, abs=1e-12), None]


def nothing(shape=SHAPE):
    return Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros((0, *shape), bool))


def test_no_detection_scores_zero(taxonomy, images):
    metric = collect(taxonomy, {image_id: (nothing(), truth) for image_id, (_, truth) in images.items()})
    assert metric.box().ap == metric.mask().ap == 0


def test_no_truth_has_no_score(taxonomy):
    truth = PanopticMap(np.full(SHAPE, 3), (Segment(3, SKY),))
    found = Detections(np.array([[20.0, 10, 60, 50]]), np.array([0.9]), np.array([CAR]), truth.ids[None] == 3)
    for metric in (AveragePrecision(taxonomy), collect(taxonomy, {1: (found, truth)})):
        for result in (metric.box(), metric.mask()):
            assert (result.ap, result.ap50, result.small) == (None, None, None)
            assert [row.ap for row in result.classes] == [None, None]
    assert AveragePrecision(Taxonomy((), taxonomy.stuff)).box().ap is None


def test_a_crowd_forgives_what_it_covers(taxonomy):
    ids = np.zeros(SHAPE, np.int32)
    ids[:40, :40], ids[50:, :] = 3, 4
    truth = PanopticMap(ids, (Segment(3, CAR), Segment(4, CAR, iscrowd=True)))
    boxes = np.array([[0.0, 60, 30, 90], [0, 0, 40, 40]])
    masks = np.stack([np.zeros(SHAPE, bool), ids == 3])
    masks[0, 60:90, :30] = True
    metric = collect(taxonomy, {1: (Detections(boxes, np.array([0.9, 0.8]), np.array([CAR, CAR]), masks), truth)})
    assert metric.box().ap == metric.mask().ap == pytest.approx(1, abs=1e-12)


def test_parts_merge_to_the_whole_in_any_order(taxonomy, images):
    whole, ids = collect(taxonomy, images), list(images)
    late = collect(taxonomy, {i: images[i] for i in ids[3:]})
    late.merge(collect(taxonomy, {i: images[i] for i in ids[:3]}))
    assert (late.box(), late.mask()) == (whole.box(), whole.mask())
    with pytest.raises(InputError, match=f"image {ids[0]}: wanted an image that only one holds, got both"):
        late.merge(whole)
    with pytest.raises(InputError, match="taxonomy and masks: wanted the same"):
        late.merge(AveragePrecision(taxonomy, masks=False))


def test_scoring_prints_nothing_and_can_be_repeated(taxonomy, images, capsys):
    metric = collect(taxonomy, images)
    assert (metric.box(), metric.mask()) == (metric.box(), metric.mask())
    assert capsys.readouterr().out == ""


def test_boxes_alone_need_no_masks(taxonomy, images):
    bare = {image_id: (replace(found, masks=None), truth) for image_id, (found, truth) in images.items()}
    metric = collect(taxonomy, bare, masks=False)
    assert metric.box() == collect(taxonomy, images).box()
    with pytest.raises(InputError, match="masks: wanted True, to score masks, got False"):
        metric.mask()


def forced(found, **changes):
    """A copy with fields that the type check of tests would refuse to build."""
    copy = replace(found)
    for name, value in changes.items():
        object.__setattr__(copy, name, value)
    return copy


FOUND = Detections(np.array([[2.0, 1, 6, 5]] * 2), np.array([0.5, 0.5]), np.array([1, 200]), np.ones((2, 4, 8), bool))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (replace(FOUND, masks=None), r"masks: wanted masks, or .*masks=False.*, got None"),
        (replace(FOUND, masks=np.ones((2, 5, 8), bool)), r"masks: wanted the shape \(2, 4, 8\), got \(2, 5, 8\)"),
        (replace(FOUND, scores=np.array([0.5, np.nan])), r"scores\[1\]: wanted a finite number, got nan"),
        (replace(FOUND, category_ids=np.array([1, SKY])), r"category_ids\[1\]: wanted a thing category .*, got 95"),
        (replace(FOUND, boxes=FOUND.boxes[:, ::-1] * 1), r"boxes\[0\]: wanted x1 <= x2 and y1 <= y2, got \[5.0, 6.0"),
        (replace(FOUND, boxes=FOUND.boxes * np.inf), r"boxes\[0\]: wanted finite numbers, got \[inf"),
        (forced(FOUND, boxes=FOUND.boxes[:1]), r"boxes: wanted the shape \(2, 4\), got \(1, 4\)"),
        (forced(FOUND, category_ids=FOUND.category_ids[:1]), r"category_ids: wanted the shape \(2,\), got \(1,\)"),
    ],
)
def test_faults_are_named(taxonomy, found, message):
    truth = PanopticMap(np.ones((4, 8), np.int32), (Segment(1, CAR),))
    with pytest.raises(InputError, match=f"detections: image 9: {message}"):
        AveragePrecision(taxonomy).update(found, truth, 9)


def test_faults_of_the_truth_are_named(taxonomy):
    metric = AveragePrecision(taxonomy)
    truth = PanopticMap(np.ones((4, 8), np.int32), (Segment(1, 77),))
    with pytest.raises(InputError, match=r"truth: image 9: segments\[0\].category_id: .* got 77"):
        metric.update(FOUND, truth, 9)
    good = replace(truth, segments=(Segment(1, CAR),))
    metric.update(FOUND, good, 9)
    with pytest.raises(InputError, match="truth: image 9: wanted an image that was not added before, got it again"):
        metric.update(FOUND, good, 9)
