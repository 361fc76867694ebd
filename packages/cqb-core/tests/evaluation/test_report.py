import io
import json

import numpy as np
import pytest
from rich.console import Console

from cqb_core.errors import InputError
from cqb_core.evaluation.average_precision import AveragePrecision, Detections
from cqb_core.evaluation.mean_iou import MeanIou
from cqb_core.evaluation.panoptic_quality import PanopticQuality
from cqb_core.evaluation.report import Evaluation, Intervals
from cqb_core.segments import PanopticMap, Segment

CAR, SKY, ROAD = 200, 95, 6
TRUTH = PanopticMap(np.array([[1, 1, 1, 1], [2, 2, 2, 3]]), (Segment(1, CAR), Segment(2, SKY), Segment(3, ROAD)))
PREDICTION = PanopticMap(np.array([[7, 7, 7, 0], [8, 8, 8, 8]]), (Segment(7, CAR), Segment(8, SKY)))
FOUND = Detections(np.array([[0.0, 0, 3, 1]]), np.array([0.9]), np.array([CAR]), PREDICTION.ids[None] == 7)


@pytest.fixture
def evaluation(taxonomy):
    quality, precision, iou = PanopticQuality(taxonomy), AveragePrecision(taxonomy), MeanIou(taxonomy)
    for image_id in (1, 2):
        quality.update(PREDICTION, TRUTH, image_id)
        precision.update(FOUND, TRUTH, image_id)
        iou.update(PREDICTION, TRUTH, image_id)
    intervals = Intervals.of(quality, np.random.default_rng(0), resamples=50)
    return Evaluation(quality.result(), intervals, precision.box(), precision.mask(), iou.result())


def rows(evaluation):
    """The cells of the printed table, and the lines around it."""
    text = io.StringIO()
    Console(file=text, width=200).print(evaluation.table())
    lines = text.getvalue().replace("┃", "│").splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "─" not in line]


def test_table_of_a_drawn_evaluation(evaluation):
    title, _, heading, _, everything, things, stuff, car, person, sky, road, *caption = rows(evaluation)
    assert title == ["2 images, percent"]
    assert heading == ["", "PQ", "95 % interval", "SQ", "RQ", "box AP", "mask AP", "IoU", "TP", "FP", "FN"]
    assert everything == ["all", "50.0", "50.0 to 50.0", "50.0", "66.7", "60.0", "60.0", "50.0", "", "", ""]
    assert things == ["things", "75.0", "75.0 to 75.0", "75.0", "100.0", "60.0", "60.0", "-", "", "", ""]
    assert stuff == ["stuff", "37.5", "37.5 to 37.5", "37.5", "50.0", "-", "-", "-", "", "", ""]
    assert car == ["car", "75.0", "", "75.0", "100.0", "60.0", "60.0", "75.0", "2", "0", "0"]
    assert person == ["person", "-", "", "-", "-", "-", "-", "-", "0", "0", "0"]
    assert sky == ["sky", "75.0", "", "75.0", "100.0", "-", "-", "75.0", "2", "0", "0"]
    assert road == ["road", "0.0", "", "0.0", "0.0", "-", "-", "0.0", "0", "0", "2"]
    assert caption == [
        ["box AP50 100.0, AP75 100.0, small 60.0, medium -, large -"],
        ["mask AP50 100.0, AP75 100.0, small 60.0, medium -, large -"],
    ]


def test_json_holds_every_number(evaluation, tmp_path):
    evaluation.write(tmp_path / "run" / "scores.json")
    content = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert content == evaluation.to_json()
    assert content["images"] == 2
    assert content["panoptic"]["all"] == {
        "pq": 0.5,
        "sq": 0.5,
        "rq": pytest.approx(2 / 3),
        "n": 3,
        "interval": {"estimate": 0.5, "low": 0.5, "high": 0.5, "level": 0.95, "resamples": 50},
    }
    assert content["panoptic"]["classes"][2] == {
        "category_id": SKY,
        "name": "sky",
        "pq": 0.75,
        "sq": 0.75,
        "rq": 1,
        "iou_sum": 1.5,
        "tp": 2,
        "fp": 0,
        "fn": 0,
    }
    assert content["mean_iou"]["mean"] == pytest.approx(0.5)
    assert content["mean_iou"]["classes"][0] == {"category_id": CAR, "name": "car", "iou": 0.75}
    assert content["mean_iou"]["classes"][1]["iou"] is None
    assert content["box"]["ap50"] == content["mask"]["ap75"] == pytest.approx(1)
    assert content["mask"]["large"] is None


def test_parts_are_optional(taxonomy):
    quality = PanopticQuality(taxonomy)
    quality.update(PanopticMap(np.zeros((1, 1), int), ()), PanopticMap(np.ones((1, 1), int), (Segment(1, SKY),)), 1)
    evaluation = Evaluation(quality.result(), Intervals.of(quality, np.random.default_rng(0)))
    content = evaluation.to_json()
    assert content["box"] is content["mask"] is content["mean_iou"] is None
    heading = rows(evaluation)[2]
    assert heading == ["", "PQ", "95 % interval", "SQ", "RQ", "TP", "FP", "FN"]
    assert content["panoptic"]["things"] == {"pq": None, "sq": None, "rq": None, "n": 0, "interval": None}


def test_parts_of_other_images_are_refused(evaluation, taxonomy):
    with pytest.raises(InputError, match=r"evaluation: box\.images: wanted 2, as PQ has, got 0"):
        Evaluation(evaluation.panoptic, evaluation.intervals, AveragePrecision(taxonomy).box())
