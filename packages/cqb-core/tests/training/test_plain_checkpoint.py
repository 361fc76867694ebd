import os
import pickle
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from cqb_core.errors import InputError
from cqb_core.scenes.classes import TAXONOMY
from cqb_core.training.plain_checkpoint import PlainCheckpointHook, load_checkpoint, plain


class Planted:
    """Unpickling it makes a folder."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def test_plain_values_keep_their_kind():
    value = {"a": (1, [2.5, None], "x"), "b": OrderedDict(c=np.float64(1.5), d=np.arange(3)), "e": torch.ones(2)}
    made = plain(value, "x")
    assert made["a"] == (1, [2.5, None], "x")
    assert type(made["a"]) is tuple
    assert type(made["b"]) is OrderedDict
    assert type(made["b"]["c"]) is float
    assert made["b"]["d"].tolist() == [0, 1, 2]
    assert made["e"] is value["e"]


def test_an_object_without_plain_form_is_named_by_its_place():
    with pytest.raises(TypeError, match=r"checkpoint: meta\.a\[1\]: wanted a tensor or plain value, got \w*Path"):
        plain({"a": [1, Path()]}, "meta")


def test_log_buffers_come_back_as_they_were():
    buffer = HistoryBuffer([1.5, 2.5], [1, 3], max_length=10)
    checkpoint = {"message_hub": {"log_scalars": OrderedDict(loss=buffer)}}
    checkpoint["message_hub"] = plain(checkpoint["message_hub"], "message_hub")
    assert not isinstance(checkpoint["message_hub"]["log_scalars"]["loss"], HistoryBuffer)
    PlainCheckpointHook().after_load_checkpoint(SimpleNamespace(work_dir="run"), checkpoint)
    restored = checkpoint["message_hub"]["log_scalars"]["loss"]
    assert isinstance(restored, HistoryBuffer)
    assert [column.tolist() for column in restored.data] == [[1.5, 2.5], [1, 3]]
    restored.update(4.0, 2)
    assert restored.current() == 4.0


def test_config_and_categories_are_added_also_of_a_wrapped_data_set():
    wrapped = SimpleNamespace(dataset=SimpleNamespace(taxonomy=TAXONOMY))
    config = SimpleNamespace(to_dict=lambda: {"a": (1, 2)})
    runner = SimpleNamespace(cfg=config, train_dataloader=SimpleNamespace(dataset=wrapped))
    checkpoint = {"state_dict": {}}
    PlainCheckpointHook().before_save_checkpoint(runner, checkpoint)
    assert checkpoint["config"] == {"a": (1, 2)}
    assert checkpoint["categories"] == TAXONOMY.to_json()


def test_a_trained_checkpoint_needs_no_allowlist(trained):
    for path in trained.glob("*.pth"):
        content = torch.load(path, weights_only=True)
        assert {"state_dict", "message_hub", "config", "categories"} <= content.keys()
    assert {"optimizer", "param_schedulers"} <= torch.load(trained / "epoch_2.pth", weights_only=True).keys()


def test_notes_of_checkpoints_follow_a_folder_that_was_moved():
    checkpoint = {"message_hub": {"runtime_info": {"best_ckpt": "/old/run/best_PQ_epoch_1.pth", "epoch": 3}}}
    PlainCheckpointHook().after_load_checkpoint(SimpleNamespace(work_dir="/new/run"), checkpoint)
    assert checkpoint["message_hub"]["runtime_info"] == {"best_ckpt": "/new/run/best_PQ_epoch_1.pth", "epoch": 3}


def test_pickled_code_is_refused_and_not_run(tmp_path):
    trace = tmp_path / "ran"
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": {}, "x": Planted(str(trace))}, path)
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    assert f"{path}: content: wanted a whole checkpoint of tensors and plain values, got an object of " in str(
        caught.value
    )
    assert "mkdir" in str(caught.value)
    assert not trace.exists()


def test_the_same_pickle_would_have_run(tmp_path):
    pickle.loads(pickle.dumps(Planted(str(tmp_path / "ran"))))
    assert (tmp_path / "ran").is_dir()


def test_a_checkpoint_that_was_cut_off_is_refused(trained, tmp_path):
    whole = (trained / "epoch_2.pth").read_bytes()
    path = tmp_path / "torn.pth"
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"torn\.pth: content: wanted a whole checkpoint .*, got \w"):
            load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ([1, 2], "list"),
        ({"a": 1, "b": 2}, "2 entries: a, b, ..."),
        ({"state_dict": 3}, "1 entries: state_dict, ..."),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path, content, got):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "other.pth")
    assert str(caught.value).endswith(f"content: wanted a checkpoint with a state_dict, got {got}")


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04", b"\x80\x02.", b"\x89PNG\r\n", b"{}", b"\x00" * 1000])
def test_any_other_file_is_refused(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(InputError, match="content: wanted a whole checkpoint of tensors"):
        load_checkpoint(tmp_path / "x.pth")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="file: wanted a checkpoint, got no such file"):
        load_checkpoint(tmp_path / "none.pth")
    with pytest.raises(InputError, match="file: wanted a checkpoint, got a folder"):
        load_checkpoint(tmp_path)
