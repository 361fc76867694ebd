import math

import pytest
from mmengine.config import Config

from cqb_core.data.panoptic_files import find_split
from cqb_core.errors import InputError
from cqb_core.scenes.classes import TAXONOMY
from cqb_core.taxonomy import Category, Taxonomy
from cqb_core.training.config import (
    config_names,
    fit_to_data,
    load_config,
    meant,
    override,
    parse_options,
    require_same_classes,
)

NAME = "panoptic-cascade_tiny_scenes"


@pytest.mark.parametrize("name", config_names())
def test_every_config_loads_by_name(name):
    assert load_config(name).model.type == "PanopticCascade"


def test_a_misspelt_config_gets_the_names_and_a_guess():
    with pytest.raises(InputError) as caught:
        load_config("panoptic-cascade_tiny_scene")
    message = str(caught.value)
    assert message.startswith("panoptic-cascade_tiny_scene: config: wanted a file or one of ")
    assert "panoptic-cascade_lite0_fpn_scenes, panoptic-cascade_r101_fpn_24e_coco" in message
    assert message.endswith("got neither (did you mean panoptic-cascade_tiny_scenes?)")


def test_a_word_far_from_all_gets_no_guess():
    assert meant("zebra", ["train", "val"]) == ""
    assert meant("vall", ["train", "val"]) == " (did you mean val?)"


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("model = dict(", "SyntaxError"),
        ("model = undefined_name", "NameError"),
        ("_base_ = 'none.py'", "FileNotFoundError"),
        ("a = 1", "one without model, train_dataloader"),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path, text, got):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InputError, match=rf"mine\.py: config: wanted .*, got {got}"):
        load_config(tmp_path / "mine.py", trust_config=True)


def test_a_config_that_was_read_is_copied():
    read = load_config(NAME)
    read.model.num_things = 3
    copied = load_config(read)
    copied.model.num_things = 4
    assert (read.model.num_things, copied.model.num_things) == (3, 4)


@pytest.mark.parametrize("suffix", [".py", ".json", ".yaml"])
def test_a_file_is_read_only_when_the_caller_trusts_it(tmp_path, suffix):
    trace, path = tmp_path / "ran", tmp_path / f"mine{suffix}"
    path.write_text(f"open({str(trace)!r}, 'w').close()\n" if suffix == ".py" else "{}")
    with pytest.raises(InputError) as caught:
        load_config(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: config: wanted one of ")
    assert NAME in message
    assert "or --trust-config (trust_config=True)" in message
    assert message.endswith("got a file, which is not read since a config is Python: its code would run")
    assert not trace.exists()
    with pytest.raises(InputError, match="wanted a whole experiment"):
        load_config(path, trust_config=True)
    assert trace.exists() == (suffix == ".py")


def test_a_file_in_the_way_does_not_replace_an_installed_config(tmp_path, monkeypatch):
    (tmp_path / NAME).write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert load_config(NAME).model.type == "PanopticCascade"


def test_a_config_is_pointed_at_a_data_set(scenes):
    config, splits = load_config(NAME), (find_split(scenes, "train"), find_split(scenes, "val"))
    two = Taxonomy(TAXONOMY.things[:2], TAXONOMY.stuff[:1])
    fit_to_data(config, splits, two, "labels.json", ([3], [5, 4]))
    assert (config.model.num_things, config.model.num_stuff) == (2, 1)
    train, val, test = (config[f"{name}_dataloader"].dataset for name in ("train", "val", "test"))
    assert train.ann_file == str(splits[0].annotation_file)
    assert train.assignment.endswith("/labels.json")
    assert train.skip == [3]
    for part, metric in ((val, config.val_evaluator), (test, config.test_evaluator)):
        assert part.data_prefix.img == str(splits[1].images_dir)
        assert part.skip == [5, 4]
        assert metric.ann_file == part.ann_file


def test_options_are_literals_or_text():
    pairs = ["a.b=3", "c=[1, 2]", "d=hello", "e=None", "f=x=y", "g=true", "h=null", "i=1e-3"]
    assert parse_options(pairs) == {
        "a.b": 3,
        "c": [1, 2],
        "d": "hello",
        "e": None,
        "f": "x=y",
        "g": True,
        "h": None,
        "i": 0.001,
    }
    assert math.isclose(parse_options(["i=1e-3"])["i"], 0.001)


@pytest.mark.parametrize("pair", ["a", "=3", "a="])
def test_an_option_without_key_or_value_is_refused(pair):
    with pytest.raises(InputError, match=r"--set: .*: wanted KEY=VALUE such as"):
        parse_options([pair])


def test_entries_are_set_also_in_lists_and_new_ones_added():
    config = Config({"a": {"b": 1}, "l": [{"c": 2}, {"c": 3}]})
    override(config, {"a.b": 5, "l.1.c": 6, "a.unheard_of": 7})
    assert config.to_dict() == {"a": {"b": 5, "unheard_of": 7}, "l": [{"c": 2}, {"c": 6}]}


@pytest.mark.parametrize(
    ("key", "got"),
    [
        ("trian_cfg.max_epochs", r"'trian_cfg' \(did you mean train_cfg\?\)"),
        ("train_cfg.max_epoch", r"'max_epoch' \(did you mean max_epochs\?\)"),
        ("modle", r"'modle' \(did you mean model\?\)"),
        ("num_epochs.x", "'x'"),
        ("param_scheduler.7.end", "'7'"),
    ],
)
def test_a_misspelt_option_is_refused_with_a_guess(key, got):
    config = load_config(NAME)
    before = config.to_dict()
    with pytest.raises(InputError, match=rf"--set: {key}: wanted an entry of the config, got {got}"):
        override(config, {key: 1})
    assert config.to_dict() == before


def test_classes_are_compared_without_their_colours():
    sky, blue = Category(3, "sky", False, (1, 2, 3)), Category(3, "sky", False, (0, 0, 255))
    cat, dog = Category(1, "cat", True, (0, 0, 0)), Category(1, "dog", True, (0, 0, 0))
    require_same_classes(Taxonomy((cat,), (blue,)), Taxonomy((cat,), (sky,)), "a.json", "b")
    with pytest.raises(InputError) as caught:
        require_same_classes(Taxonomy((dog,), (sky,)), Taxonomy((cat,), (sky,)), "a.json", "b")
    assert str(caught.value) == "a.json: categories: wanted those of b, such as 1 'cat' (thing), got 1 'dog' (thing)"
    with pytest.raises(InputError, match=r"a\.json: categories: wanted the 2 of b, got 1: 1 'cat' \(thing\), \.\.\."):
        require_same_classes(Taxonomy((cat,), ()), Taxonomy((cat,), (sky,)), "a.json", "b")
