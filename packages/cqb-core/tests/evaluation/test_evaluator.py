import json
import shutil

import numpy as np
import pytest
import torch
from mmdet.evaluation import INSTANCE_OFFSET

from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.errors import InputError
from cqb_core.evaluation.evaluator import PanopticEvaluator, Scores, true_map


@pytest.fixture
def evaluator(scenes):
    split = find_split(scenes, "val")
    return PanopticEvaluator(split.annotation_file, split.maps_dir)


def perfect(evaluator, image_id):
    """The ground truth as a network would predict it; crowds are void."""
    truth = true_map(evaluator.split, evaluator.entries[image_id])
    index, void = evaluator.taxonomy.index, len(evaluator.taxonomy.categories)
    coded = np.full(truth.ids.shape, void)
    things = []
    for place, segment in enumerate(truth.segments):
        label = index[segment.category_id]
        if segment.iscrowd:
            continue
        isthing = label < evaluator.taxonomy.num_things
        coded[truth.ids == segment.id] = label + (place + 1) * INSTANCE_OFFSET * isthing
        if isthing:
            things.append((label, truth.ids == segment.id))
    masks = torch.from_numpy(np.array([mask for _, mask in things]).reshape(-1, *coded.shape))
    boxes = [[c.min(), r.min(), c.max() + 1, r.max() + 1] for r, c in (np.nonzero(mask) for _, mask in things)]
    return {
        "img_id": image_id,
        "pred_panoptic_seg": {"sem_seg": torch.from_numpy(coded)[None]},
        "pred_instances": {
            "bboxes": torch.tensor(np.array(boxes, dtype=np.float32).reshape(-1, 4)),
            "scores": torch.ones(len(things)),
            "labels": torch.tensor([label for label, _ in things], dtype=torch.long),
            "masks": masks,
        },
    }


def test_the_truth_scores_a_hundred(evaluator):
    for image_id in evaluator.entries:
        evaluator.process(None, [perfect(evaluator, image_id)])
    metrics = evaluator.evaluate(len(evaluator.entries))
    assert metrics == dict.fromkeys(metrics, 100.0)
    assert {"PQ", "SQ", "RQ", "PQ_things", "PQ_stuff", "box_AP", "mask_AP", "mIoU"} == metrics.keys()
    assert evaluator.evaluation.images == len(evaluator.entries)


def test_a_wrong_class_costs(evaluator):
    image_id = next(iter(evaluator.entries))
    sample = perfect(evaluator, image_id)
    stuff = evaluator.taxonomy.num_things
    coded = sample["pred_panoptic_seg"]["sem_seg"]
    present = sorted(int(code) for code in coded.unique() if stuff <= code < len(evaluator.taxonomy.categories))
    coded[coded == present[0]] = next(s for s in range(stuff, len(evaluator.taxonomy.categories)) if s not in present)
    evaluator.process(None, [sample])
    metrics = evaluator.evaluate(1)
    assert 0 < metrics["PQ"] < 100
    assert metrics["box_AP"] == 100


def test_every_test_starts_afresh(evaluator):
    first, second, *_ = evaluator.entries
    evaluator.process(None, [perfect(evaluator, first)])
    evaluator.evaluate(1)
    evaluator.process(None, [perfect(evaluator, second)])
    evaluator.evaluate(1)
    assert evaluator.evaluation.images == 1


def test_scores_of_two_processes_are_those_of_one(evaluator):
    first, second, *_ = evaluator.entries
    parts = []
    for image_ids in ([first, second], [first], [second]):
        evaluator.scores = Scores(evaluator.taxonomy)
        evaluator.process(None, [perfect(evaluator, image_id) for image_id in image_ids])
        parts.append(evaluator.scores)
    together, mine, other = parts
    mine.merge([other])
    assert mine.evaluation().to_json() == together.evaluation().to_json()


def test_a_test_joins_all_processes(evaluator, scenes, monkeypatch):
    first, second, *_ = evaluator.entries
    other = PanopticEvaluator(evaluator.split.annotation_file, evaluator.split.maps_dir)
    other.process(None, [perfect(other, second)])
    evaluator.process(None, [perfect(evaluator, first)])
    monkeypatch.setattr("cqb_core.evaluation.evaluator.all_gather_object", lambda mine: [mine, other.scores])
    evaluator.evaluate(2)
    assert evaluator.evaluation.images == 2


def test_a_broken_annotation_is_an_error_only_when_its_image_comes(scenes, tmp_path):
    split = find_split(shutil.copytree(scenes, tmp_path / "copied"), "val")
    content = json.loads(split.annotation_file.read_text())
    content["annotations"][0]["segments_info"][0]["category_id"] = 999
    split.annotation_file.write_text(json.dumps(content))
    made = PanopticEvaluator(split.annotation_file, split.maps_dir)
    bad = content["annotations"][0]["image_id"]
    assert bad not in made.entries
    with pytest.raises(InputError, match=r"segments_info\[0\]\.category_id: wanted .*999"):
        made.process(None, [{"img_id": bad}])


def test_an_image_that_the_file_does_not_know_is_named(evaluator):
    with pytest.raises(InputError, match=r"panoptic_val\.json: images: wanted one with id -3, got none"):
        evaluator.process(None, [{"img_id": -3}])


def test_the_truth_of_an_image_is_its_map_with_crowds(scenes):
    split = find_split(scenes, "train")
    index = read_split(split)
    crowds = 0
    for entry in index.entries:
        truth = true_map(split, entry)
        assert set(np.unique(truth.ids)) - {0} == {segment.id for segment in truth.segments}
        crowds += sum(segment.iscrowd for segment in truth.segments)
    assert crowds
