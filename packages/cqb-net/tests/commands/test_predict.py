def test_a_missing_image_is_named(refused, tmp_path):
    message = refused("predict", tmp_path / "run", tmp_path / "cat.jpg", "--out", tmp_path / "out")
    assert message == f"{tmp_path / 'cat.jpg'}: image: wanted a file or a folder, got nothing there"


def test_a_folder_without_images_is_named(refused, tmp_path):
    message = refused("predict", tmp_path / "run", tmp_path, "--out", tmp_path / "out")
    assert message.startswith(f"{tmp_path}: folder: wanted images (.jpg, ")


def test_a_folder_that_is_no_training_is_named(refused, scenes, tmp_path):
    message = refused("predict", scenes, scenes / "val", "--out", tmp_path / "out")
    assert message.startswith(f"{scenes}: last_checkpoint: wanted a checkpoint of a training, got annotations, ")
