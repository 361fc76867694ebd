NAME = "panoptic-cascade_tiny_scenes"


def test_a_misspelt_config_gets_a_guess(refused, scenes, tmp_path):
    message = refused("train", "panoptic-cascade_tiny_scene", "--data", scenes, "--out", tmp_path / "run")
    assert message.startswith("panoptic-cascade_tiny_scene: config: wanted a file or one of")
    assert message.endswith("(did you mean panoptic-cascade_tiny_scenes?)")


def test_a_misspelt_option_gets_a_guess(refused, scenes, tmp_path):
    message = refused("train", NAME, "--data", scenes, "--out", tmp_path / "run", "--set", "train_cfg.max_epoch=1")
    wanted = "--set: train_cfg.max_epoch: wanted an entry of the config, got 'max_epoch' (did you mean max_epochs?)"
    assert message == wanted


def test_labels_of_another_data_set_are_refused(run, refused, scenes, tmp_path):
    run("data", "scenes", tmp_path / "other", "--train", 3, "--val", 1)
    run("data", "assign", tmp_path / "other", "--ratio", "P=1", "-o", tmp_path / "labels.json")
    message = refused("train", NAME, "--data", scenes, "--labels", tmp_path / "labels.json", "--out", tmp_path / "run")
    assert message.startswith(f"{tmp_path / 'labels.json'}: fingerprint: wanted the data set's ")
    assert not (tmp_path / "run").exists()


def test_a_wrong_folder_of_data_is_named(refused, tmp_path):
    message = refused("train", NAME, "--data", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert message.startswith(f"{tmp_path / 'nowhere' / 'annotations'}: folder: wanted the COCO folder of annotations")


def test_there_must_be_something_to_resume(refused, scenes, tmp_path):
    message = refused("train", NAME, "--data", scenes, "--out", tmp_path / "run", "--resume")
    assert message == f"{tmp_path / 'run'}: last_checkpoint: wanted a checkpoint of a training, got nothing"
