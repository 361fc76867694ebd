from unittest.mock import Mock

from mmdet.structures import DetDataSample
from mmengine.runner import Runner

from cqb_bench.methods.grabcut_faster_rcnn.report import GrabCutReportHook, summary


def sample(image_id, **counts):
    return DetDataSample(metainfo={"img_id": image_id, "grabcut": counts})


def runner(lines):
    return Mock(spec=Runner, logger=Mock(info=lines.append))


def test_an_image_that_is_seen_twice_counts_once():
    lines, hook = [], GrabCutReportHook()
    batches = [
        [sample(1, cut=3), sample(2, cut=1, nothing=2)],
        [sample(1, cut=3), DetDataSample(metainfo={"img_id": 3})],
    ]
    for batch in batches:
        hook.after_train_iter(runner(lines), 0, {"data_samples": batch})
    hook.after_train(runner(lines))
    assert lines == ["GrabCut in given boxes: 4 masks cut, 2 boxes filled (2 nothing)"]


def test_each_validation_counts_afresh():
    lines, hook = [], GrabCutReportHook()
    for counts in ({"cut": 5, "thin": 1}, {"cut": 2}):
        hook.after_val_iter(runner(lines), 0, {}, [sample(7, **counts)])
        hook.after_val_epoch(runner(lines), {})
    assert lines == [
        "GrabCut in detected boxes: 5 masks cut, 1 boxes filled (1 thin)",
        "GrabCut in detected boxes: 2 masks cut, 0 boxes filled",
    ]


def test_nothing_to_report():
    lines, hook = [], GrabCutReportHook()
    hook.after_train_iter(runner(lines), 0, {"data_samples": [DetDataSample(metainfo={"img_id": 3})]})
    hook.after_train(runner(lines))
    hook.after_val_epoch(runner(lines))
    assert lines == []


def test_reasons_come_by_number():
    assert summary([{"thin": 1, "cut": 2}, {"nothing": 4}]) == "2 masks cut, 5 boxes filled (4 nothing, 1 thin)"
