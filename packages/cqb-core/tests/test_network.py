import os
import re
import shutil

import pytest
import torch

from cqb_core.errors import InputError
from cqb_core.network import find_checkpoint, load_network, read_network_config
from cqb_core.scenes.classes import TAXONOMY
from cqb_core.training.plain_checkpoint import load_checkpoint


@pytest.fixture
def spoiled(trained, tmp_path):
    """A function that writes the trained checkpoint after changing it."""

    def write(change):
        content = load_checkpoint(trained / "epoch_2.pth")
        change(content)
        torch.save(content, tmp_path / "spoiled.pth")
        return tmp_path / "spoiled.pth"

    return write


def test_a_network_comes_back_with_its_classes_and_weights(trained):
    network = load_network(trained / "epoch_2.pth", "cpu")
    assert network.taxonomy == TAXONOMY
    assert not network.model.training
    saved = load_checkpoint(trained / "epoch_2.pth")["state_dict"]
    loaded = network.model.state_dict()
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)


def test_of_a_folder_the_best_checkpoint_is_taken_and_else_the_last(trained, tmp_path):
    assert find_checkpoint(trained).name.startswith("best_PQ_")
    folder = shutil.copytree(trained, tmp_path / "moved")
    for best in folder.glob("best_*"):
        best.unlink()
    assert find_checkpoint(folder) == folder / "epoch_2.pth"


def test_a_folder_without_checkpoints_is_refused_with_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"last_checkpoint: wanted a checkpoint of a training, got notes\.txt"):
        find_checkpoint(tmp_path)


def test_pretrained_weights_are_not_asked_for_again(spoiled):
    path = spoiled(lambda content: content["config"]["model"]["backbone"].update(pretrained=True))
    assert read_network_config(path)[1].model.backbone.pretrained is False


@pytest.mark.parametrize("field", ["config", "categories"])
def test_a_checkpoint_without_config_or_categories_is_refused(spoiled, field):
    path = spoiled(lambda content: content.pop(field))
    with pytest.raises(InputError, match=rf"spoiled.pth: {field}: wanted a checkpoint that PlainCheckpointHook"):
        load_network(path)


def test_weights_of_another_network_are_refused(spoiled):
    path = spoiled(lambda content: content["state_dict"].pop("neck.lateral_convs.0.conv.weight"))
    with pytest.raises(InputError, match=r"state_dict: wanted the weights of the network .*neck.lateral_convs.0"):
        load_network(path)


def test_a_config_cannot_name_code_to_run(spoiled, tmp_path):
    trace = tmp_path / "ran"

    def plant(content):
        content["config"]["model"]["backbone"] = {"type": "os.mkdir", "path": str(trace)}

    with pytest.raises(
        InputError, match=re.escape("config.model.backbone.type: wanted a name from mmdet's registries")
    ):
        load_network(spoiled(plant))
    assert not os.path.lexists(trace)


def test_a_config_that_is_no_experiment_is_refused(spoiled):
    path = spoiled(lambda content: content["config"].pop("test_dataloader"))
    with pytest.raises(InputError, match=r"config: wanted a whole experiment .*, got one without test_dataloader"):
        load_network(path)


def test_a_network_that_cannot_be_built_is_refused(spoiled):
    path = spoiled(lambda content: content["config"]["model"]["neck"].update(nonsense=3))
    with pytest.raises(InputError, match=r"spoiled\.pth: config: wanted a network that can be built, got TypeError"):
        load_network(path)


def test_a_network_of_other_classes_is_refused(spoiled):
    path = spoiled(lambda content: content["categories"].pop(0))
    with pytest.raises(InputError, match=r"config\.model\.num_things: wanted 9, as its categories have, got 10"):
        load_network(path)


def test_weights_that_are_no_tensors_are_refused(spoiled):
    path = spoiled(lambda content: content["state_dict"].update(extra="text"))
    with pytest.raises(InputError, match=r"state_dict: wanted tensors by name, got str at 'extra'"):
        load_network(path)
