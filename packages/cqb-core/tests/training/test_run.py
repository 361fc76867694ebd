import json
import shutil

import pytest
import torch
from mmdet.registry import MODELS

from cqb_core import Assignment, Labels
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.errors import InputError
from cqb_core.models.auxiliary import SemanticAuxiliary
from cqb_core.testing import write_labels
from cqb_core.training import NonFiniteLossError, last_checkpoint, train
from cqb_core.training.plain_checkpoint import load_checkpoint

NAME = "panoptic-cascade_tiny_scenes"


@MODELS.register_module(force=True)
class Poison(SemanticAuxiliary):
    """A loss that is no number."""

    name = "poison"
    needs = Labels.STUFF

    def __init__(self, host):
        super().__init__()

    def loss(self, view):
        return {"loss_poison": view.logits.sum() * float("nan")}


@pytest.fixture
def copied(scenes, tmp_path):
    """A copy of the scenes that may be spoiled."""
    return shutil.copytree(scenes, tmp_path / "copied")


@pytest.fixture
def broken(copied):
    """Scenes whose first training image is cut off; its id and path beside them."""
    image = sorted((copied / "train").iterdir())[0]
    image.write_bytes(image.read_bytes()[:200])
    return copied, int(image.stem), image


@pytest.fixture
def refused(scenes, tmp_path, tiny):
    """A function that gives the message of a training that must not start."""

    def message(config=NAME, data=scenes, out=tmp_path / "out", labels=None, **more):
        with pytest.raises(InputError) as caught:
            train(config, data, out, labels, **{"options": tiny, "progress": False, **more})
        return str(caught.value)

    return message


def test_a_training_leaves_checkpoints_with_history(trained):
    names = {path.name for path in trained.glob("*.pth")}
    assert {"epoch_1.pth", "epoch_2.pth"} < names
    assert any(name.startswith("best_PQ_epoch_") for name in names)
    content = load_checkpoint(last_checkpoint(trained))
    assert (content["meta"]["epoch"], content["meta"]["iter"]) == (2, 4)
    assert len(content["message_hub"]["log_scalars"]["train/loss"]["log"]) == 4
    assert content["config"]["train_dataloader"]["dataset"]["pipeline"][2]["scale"] == (64, 64)


def test_a_resumed_training_continues_epochs_optimiser_and_history(trained, scenes, tiny, tmp_path, capsys):
    out = shutil.copytree(trained, tmp_path / "moved")
    before = load_checkpoint(out / "epoch_2.pth")
    last = train(NAME, scenes, out, resume=True, options={**tiny, "train_cfg.max_epochs": 3}, progress=False)
    after = load_checkpoint(last)
    assert last == out / "epoch_3.pth"
    assert (after["meta"]["epoch"], after["meta"]["iter"]) == (3, 6)
    old, new = (content["message_hub"]["log_scalars"]["train/loss"]["log"].tolist() for content in (before, after))
    assert new[:4] == old
    assert len(new) == 6
    steps = [{int(state["step"]) for state in content["optimizer"]["state"].values()} for content in (before, after)]
    assert steps == [{4}, {6}]
    assert capsys.readouterr() == ("", "")
    assert list(trained.glob("best_PQ_*.pth")), "the original's best checkpoint is its own"


def test_a_finished_training_resumes_to_what_it_was(trained, scenes, tiny, tmp_path):
    out = shutil.copytree(trained, tmp_path / "moved")
    whole = (out / "epoch_2.pth").read_bytes()
    assert train(NAME, scenes, out, resume=True, options=tiny, progress=False) == out / "epoch_2.pth"
    assert (out / "epoch_2.pth").read_bytes() == whole


def test_a_loss_that_is_no_number_stops_with_the_images(scenes, tiny, tmp_path):
    options = {**tiny, "model.auxiliaries": [{"type": "Poison"}]}
    with pytest.raises(
        NonFiniteLossError, match=r"iteration 1: loss is not finite \(.*loss_poison=nan.*\) on images \d+, \d+"
    ):
        train(NAME, scenes, tmp_path / "out", options=options, check=False, progress=False)
    assert not list((tmp_path / "out").glob("*.pth"))


def test_bad_images_stop_before_anything_is_written(broken, refused, tmp_path):
    data, _, image = broken
    message = refused(data=data)
    assert "panoptic_train.json: data: wanted sound images and annotations (or --skip-bad" in message
    assert f"got 1 fault:\n  {image}: content: wanted an image that can be decoded, got" in message
    assert not (tmp_path / "out").exists()


def test_bad_images_and_annotations_are_left_out_on_request_and_counted(broken, tiny, tmp_path, capsys):
    data, image_id, _ = broken
    path = data / "annotations" / "panoptic_val.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["segments_info"][0]["category_id"] = 999
    path.write_text(json.dumps(content))
    last = train(NAME, data, tmp_path / "out", skip_bad=True, options={**tiny, "train_cfg.max_epochs": 1})
    shown = capsys.readouterr().err
    assert "train: 1 broken images of 8 left out\n" in shown
    assert "val: 1 broken images of 3 left out\n" in shown
    assert load_checkpoint(last)["config"]["train_dataloader"]["dataset"]["skip"] == [image_id]


def test_only_what_images_own_must_be_sound(copied, refused, tiny, tmp_path, capsys):
    split = find_split(copied, "train")
    labels = write_labels(copied, ["P", "P", "P", "P", "I", "B"], tmp_path / "labels.json")
    *panoptic, tagged, boxed, bare, _ = read_split(split).entries
    for file in (split.map_path(tagged), split.map_path(boxed), split.image_path(bare)):
        file.unlink()
    options = {**tiny, "train_cfg.max_epochs": 1, "train_cfg.val_interval": 2}
    train(NAME, copied, tmp_path / "out", labels, options=options)
    assert "check train: 8 of 8" in capsys.readouterr().err
    split.map_path(panoptic[0]).unlink()
    message = refused(data=copied, labels=labels, out=tmp_path / "other")
    assert f"got 1 fault:\n  {split.map_path(panoptic[0])}: file" in message


def test_an_image_that_breaks_while_training_is_named_by_a_worker(broken, refused):
    data, _, image = broken
    options = {"train_dataloader.num_workers": 1}
    assert refused(data=data, check=False, options=options).startswith(f"{image}: content: wanted an image that can")


def test_modules_that_a_config_names_are_imported(scenes, tmp_path, monkeypatch, tiny):
    (tmp_path / "users_module.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    base = '__import__("cqb_core.configs").configs.path("panoptic-cascade_tiny_scenes")'
    config = tmp_path / "users.py"
    config.write_text(f"_base_ = {base}\ncustom_imports = dict(imports=['users_module'])\n")
    with pytest.raises(RuntimeError, match="imported"):
        train(config, scenes, tmp_path / "out", options=tiny, progress=False, trust_config=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine can train in mixed precision")
def test_mixed_precision_needs_a_gpu(refused):
    assert refused(amp=True).startswith("--amp: device: wanted a GPU")


def test_a_folder_of_something_else_is_not_written_to(refused, trained, tmp_path):
    assert "out: wanted a new folder, or --resume, got a training that has begun" in refused(out=trained)
    (tmp_path / "notes.txt").write_text("x")
    assert "out: wanted a new or empty folder, got notes.txt" in refused(out=tmp_path)
    assert "out: wanted a folder, got a file" in refused(out=tmp_path / "notes.txt")


def test_there_is_nothing_to_resume_in_a_new_folder(refused, tmp_path):
    assert "last_checkpoint: wanted a checkpoint of a training, got nothing" in refused(
        resume=True, out=tmp_path / "no"
    )


def test_a_wrong_folder_of_data_is_named(refused, tmp_path):
    assert f"{tmp_path / 'none' / 'annotations'}: folder: wanted" in refused(data=tmp_path / "none")


def test_an_assignment_for_another_data_set_is_refused(refused, tmp_path):
    Assignment({Labels.PANOPTIC: (1,)}, {Labels.PANOPTIC: 1.0}, 0, "ab" * 32).write(tmp_path / "labels.json")
    message = refused(labels=tmp_path / "labels.json")
    assert "labels.json: fingerprint: wanted the data set's " in message
    assert message.endswith("got abababababab")
    assert "none.json: file: wanted a JSON file, got no such file" in refused(labels=tmp_path / "none.json")
    assert not (tmp_path / "out").exists()


def test_splits_of_different_classes_are_refused(copied, refused):
    path = copied / "annotations" / "panoptic_val.json"
    content = json.loads(path.read_text())
    content["categories"][0]["name"] = "ghost"
    path.write_text(json.dumps(content))
    assert "panoptic_val.json: categories: wanted those of panoptic_train.json, such as" in refused(data=copied)
