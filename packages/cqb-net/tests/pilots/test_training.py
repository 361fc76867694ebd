"""What surrounds a training; `integration_tests/test_pilots.py` trains."""

import json

import pytest

from cqb_core import Assignment, InputError, Labels
from cqb_core.data.panoptic_files import find_split, fingerprint, read_split
from cqb_net.pilots import training
from cqb_net.pilots.runs import MEASURED
from cqb_net.pilots.training import drop_weights, finished, run_pilot


@pytest.fixture
def trained(monkeypatch):
    """The calls that train and evaluate, in place of both."""
    from cqb_core.evaluation.average_precision import PrecisionResult
    from cqb_core.evaluation.mean_iou import MeanIouResult
    from cqb_core.evaluation.panoptic_quality import GroupQuality, PanopticResult
    from cqb_core.evaluation.report import Evaluation, Intervals

    calls = []
    groups = [GroupQuality(0.25, 0.5, 0.75, 3), GroupQuality(0.125, 0.5, 0.5, 2), GroupQuality(None, None, None, 0)]

    def pretend(pilot, data, folder, labels):
        calls.append((data, Assignment.read(labels)))
        folder.mkdir()
        for name in ("epoch_1.pth", "last_checkpoint"):
            (folder / name).write_text("x")
        boxes = PrecisionResult(3, 0.375, *[None] * 5, ())
        quality = PanopticResult(3, (), *groups)
        return Evaluation(quality, Intervals(None, None, None), boxes, None, MeanIouResult(3, 0.625, ())), 12

    monkeypatch.setattr(training, "_train_and_evaluate", pretend)
    return calls


def test_a_pilot_is_assigned_trained_scored_and_told(trained, sweep_of, scenes, tmp_path):
    pilot = sweep_of("Cls2Box").trainings[0].pilot
    result = run_pilot(pilot, scenes, tmp_path / "run")
    assert set(result) == set(MEASURED)
    assert (result["pq"], result["pq_th"], result["rq"]) == (25.0, 12.5, 75.0)
    assert (result["pq_st"], result["images"], result["val_images"], result["iterations"]) == ("", 8, 3, 12)
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result == finished(tmp_path / "run")
    assert (result["box_ap"], result["mask_ap"], result["miou"]) == (37.5, "", 62.5)
    index = read_split(find_split(scenes, "train"))
    [(_, labels)] = trained
    assert {owned.short: len(ids) for owned, ids in labels.images.items()} == {"P": 4, "I": 4}
    assert labels.fingerprint == fingerprint(index)
    assert run_pilot(pilot, scenes, tmp_path / "run") == result
    assert len(trained) == 1


@pytest.mark.parametrize("keep", [False, True])
def test_weights_are_kept_when_asked_for(trained, sweep_of, scenes, tmp_path, keep):
    run_pilot(sweep_of("Cls2Box").trainings[0].pilot, scenes, tmp_path, keep)
    assert (tmp_path / "training" / "epoch_1.pth").exists() == keep
    drop_weights(tmp_path)
    assert list((tmp_path / "training").iterdir()) == []


def test_data_that_changed_since_the_plan_is_refused(trained, sweep_of, scenes, tmp_path):
    from dataclasses import replace

    pilot = replace(sweep_of("Cls2Box").trainings[0].pilot, fingerprint="0123456789abcdef")
    with pytest.raises(InputError, match="fingerprint: wanted the 0123456789ab that was planned for, got "):
        run_pilot(pilot, scenes, tmp_path)
    assert not trained


def test_a_torn_checkpoint_is_not_resumed_from(tmp_path):
    import torch

    assert not training._resumable(tmp_path)
    torch.save({"state_dict": {"a": torch.zeros(1000)}}, tmp_path / "epoch_1.pth")
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_1.pth"))
    assert training._resumable(tmp_path)
    whole = (tmp_path / "epoch_1.pth").read_bytes()
    (tmp_path / "epoch_1.pth").write_bytes(whole[: len(whole) // 2])
    assert not training._resumable(tmp_path)


def test_an_unfinished_folder_has_no_result(tmp_path):
    assert finished(tmp_path) is None
    (tmp_path / "result.json").write_text("[]")
    with pytest.raises(InputError, match="result.json: content: wanted the result of a pilot, got list"):
        finished(tmp_path)


def test_labels_of_every_pilot_of_a_share_and_seed_share_the_panoptic_images(trained, sweep_of, scenes, tmp_path):
    for number, planned in enumerate(sweep_of("Cls2Box", "Box2Mask", "Relation st->th").trainings):
        run_pilot(planned.pilot, scenes, tmp_path / str(number))
    assert len({labels.images[Labels.PANOPTIC] for _, labels in trained}) == 1
