import json
import shutil
from dataclasses import replace

import pytest

from cqb_core import InputError
from cqb_net.pilots.claim import claim, require_claimable
from cqb_net.pilots.pilot import Recipe


def test_a_folder_is_claimed_once_and_again_by_the_same_sweep(sweep_of, tmp_path):
    require_claimable(tmp_path / "new")
    claim(tmp_path / "new", sweep_of("Cls2Box"), progress=False)
    require_claimable(tmp_path / "new")
    claim(tmp_path / "new", sweep_of("Box2Mask", shares=(0.25,)), progress=False)
    assert json.loads((tmp_path / "new" / "sweep.json").read_text())["format"] == "cqb-pilots"


@pytest.fixture
def refused(sweep_of, tmp_path):
    """A function that gives the message when a sweep comes into a folder of another one."""

    def message(**changes):
        claim(tmp_path, sweep_of("Cls2Box"), check=False)
        with pytest.raises(InputError) as caught:
            claim(tmp_path, replace(sweep_of("Cls2Box"), **changes), check=False)
        return str(caught.value).removeprefix(f"{tmp_path / 'sweep.json'}: ")

    return message


def test_another_data_set_is_refused(refused):
    message = refused(fingerprint="0123456789abcdef")
    assert message.startswith("fingerprint: wanted the data set's 0123456789ab, got ")
    assert message.endswith("(another folder for another data set)")


@pytest.mark.parametrize("more", [{"epochs": 2}, {"epochs": 1, "options": {"train_dataloader.batch_size": 3}}])
def test_another_config_is_refused(refused, more):
    assert refused(recipe=Recipe.of("cqb-net_tiny_scenes", **more)).startswith(
        "config: wanted cqb-net_tiny_scenes with {"
    )


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    (tmp_path / "lock").write_text("")
    with pytest.raises(InputError) as caught:
        require_claimable(tmp_path)
    wanted = "out: wanted a new or empty folder, or one of pilots (with a sweep.json), got thesis.tex"
    assert str(caught.value) == f"{tmp_path}: {wanted}"
    with pytest.raises(InputError, match="out: wanted a folder, got a file"):
        require_claimable(tmp_path / "thesis.tex")


def test_a_broken_data_set_is_found_before_anything_is_trained(sweep_of, scenes, tmp_path):
    root = shutil.copytree(scenes, tmp_path / "copied")
    sorted((root / "train").iterdir())[0].write_bytes(b"")
    with pytest.raises(InputError, match=r"data: wanted sound images .*, got 1 faults:\n  .*: an empty file|empty"):
        claim(tmp_path / "out", replace(sweep_of("Cls2Box"), data=root), progress=False)
    assert not (tmp_path / "out").exists()
    claim(tmp_path / "out", replace(sweep_of("Cls2Box"), data=root), check=False)
