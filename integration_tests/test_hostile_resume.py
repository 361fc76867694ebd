"""Going on from a checkpoint that is not what it says, and configs and links from elsewhere, at the commands."""

import json
from pathlib import Path

import pytest
import torch

from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.errors import InputError
from cqb_core.files import read_json
from cqb_core.training import load_config, train
from cqb_core.training.plain_checkpoint import load_checkpoint

NAME = "panoptic-cascade_tiny_scenes"
RUNS = "__import__('pathlib').Path('ran').touch()"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny):
    """A training of one step, and its data."""
    from cqb_core.testing import drawn

    root = drawn(tmp_path_factory.mktemp("resume") / "scenes", train=2, val=1)
    out = root.parent / "run"
    train(NAME, root, out, options={**tiny, "param_scheduler.0.end": 1}, check=False, progress=False)
    return root, out


@pytest.fixture
def resumed(run, trained, tmp_path, monkeypatch, tiny_options):
    """A function that goes on from a changed checkpoint for one more epoch: exit status and the sentence."""
    monkeypatch.chdir(tmp_path)
    root, out = trained

    def go_on(change, data=root):
        content = load_checkpoint(out / "epoch_1.pth")
        change(content)
        folder = tmp_path / "run"
        folder.mkdir()
        torch.save(content, folder / "epoch_1.pth")
        (folder / "last_checkpoint").write_text("epoch_1.pth")
        options = [
            "2" if word == "1" and tiny_options[i - 1] == "--epochs" else word for i, word in enumerate(tiny_options)
        ]
        status, _, err = run("train", NAME, "--data", data, "--out", folder, "--resume", *options)
        return status, next((line for line in err.splitlines() if line.startswith("error: ")), err)

    return go_on


def test_a_sound_checkpoint_goes_on(resumed, tmp_path):
    status, said = resumed(lambda content: None)
    assert status == 0, said
    assert (tmp_path / "run" / "epoch_2.pth").is_file()


def test_text_at_the_config_of_the_meta_data_is_not_run(resumed):
    """mmengine reads it by executing it."""
    status, said = resumed(lambda content: content["meta"].update(config=RUNS))
    assert status == 1
    assert f'epoch_1.pth: meta.config: wanted nothing: it would run, got "{RUNS}"' in said
    assert not Path("ran").exists()


def test_weights_of_another_network_are_not_mixed_in(resumed):
    def widen(content):
        content["state_dict"]["neck.lateral_convs.0.conv.weight"] = torch.zeros(3, 3)

    status, said = resumed(widen)
    assert status == 1
    assert "epoch_1.pth: state_dict: wanted the weights of the network in its config" in said


def test_other_classes_are_refused(resumed):
    status, said = resumed(lambda content: content["categories"][0].update(name="zeppelin"))
    assert status == 1
    assert "wanted those of the training epoch_1.pth, such as" in said
    assert "zeppelin" in said


@pytest.mark.parametrize("value", [3, {"train_dataloader": 3}, {"train_dataloader": {"dataset": {"skip": "x"}}}])
def test_what_was_left_out_must_be_images(resumed, value):
    status, said = resumed(lambda content: content.update(config=value))
    assert status == 1
    assert "epoch_1.pth: config: wanted the images that its training left out" in said


def test_progress_must_be_numbers(resumed):
    status, said = resumed(lambda content: content["meta"].update(iter="x"))
    assert status == 1
    assert "epoch_1.pth: meta: wanted epoch and iter as integers" in said


def planted(tmp_path):
    path = tmp_path / "mine.py"
    base = load_config(NAME).filename
    path.write_text(f"_base_ = {str(base)!r}\n{RUNS}\n")
    return path


@pytest.mark.parametrize("verb", ["train", "pilot", "study"])
def test_a_config_from_elsewhere_needs_the_users_word(run, trained, tmp_path, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    path, out = planted(tmp_path), tmp_path / "out"
    call = {
        "train": ("train", path, "--data", trained[0], "--out", out, "--without", "nothing"),
        "pilot": ("pilot", "--config", path, "--data", trained[0], "--out", out, "--rows", "Cls2Box", "--dry-run"),
        "study": (
            "study",
            "--config",
            path,
            "--data",
            trained[0],
            "--out",
            out,
            "--budget",
            "0.5",
            "--rows",
            "Cls2Box",
        ),
    }[verb]
    status, _, err = run(*call)
    assert status == 1
    assert f"{path}: config: wanted one of" in err
    assert "or --trust-config (trust_config=True), got a file, which is not read" in err
    assert not Path("ran").exists()
    status, _, err = run(*call, "--trust-config")
    assert status == 1, err  # none of these configs has a module
    assert "which is not read" not in err
    assert Path("ran").exists()


def test_a_link_out_of_the_data_set_is_not_read_by_a_training(trained, tmp_path, tiny):
    from cqb_core.testing import drawn

    root = drawn(tmp_path / "scenes", train=2, val=1)
    split = find_split(root, "train")
    for file in (split.image_path(read_split(split).entries[0]), split.map_path(read_split(split).entries[1])):
        outside = tmp_path / file.name
        file.rename(outside)
        file.symlink_to(outside)
        with pytest.raises(InputError, match=f"wanted a file inside .*, got a link to {outside}"):
            train(NAME, root, tmp_path / "run", options=tiny, check=False, progress=False)
        file.unlink()
        outside.rename(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [("[" * 100_000, "content: wanted JSON of few levels"), ("9" * 5000, "file: wanted a JSON file, got Exceeds")],
)
def test_json_that_breaks_the_reader(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_json(tmp_path / "x.json")


def test_predictions_from_elsewhere_name_no_file_outside(tmp_path):
    from cqb_core.evaluation.files import evaluate_files
    from cqb_core.testing import drawn

    root = drawn(tmp_path / "scenes", train=1, val=0)
    split = find_split(root, "train")
    content = json.loads(split.annotation_file.read_text())
    outside = root / "secret.png"
    outside.write_bytes(split.map_path(read_split(split).entries[0]).read_bytes())
    content["annotations"][0]["file_name"] = "../../secret.png"
    (tmp_path / "found.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="wanted a file inside"):
        evaluate_files(split.annotation_file, tmp_path / "found.json", split.maps_dir, split.maps_dir)


def test_a_class_name_with_brackets_is_shown_as_it_is(capsys):
    from rich.table import Table

    from cqb_net.terminal import console

    table = Table("class")
    table.add_row("[/b] [link=x]sky")
    console().print(table)
    assert "[/b] [link=x]sky" in capsys.readouterr().out
