import json
import shutil

import pytest

from cqb_core.data.panoptic_files import find_split
from cqb_core.errors import InputError
from cqb_core.evaluation import evaluate_files
from cqb_core.evaluation.run import evaluate
from cqb_core.prediction import predict


@pytest.fixture
def copied(scenes, tmp_path):
    return shutil.copytree(scenes, tmp_path / "copied")


def test_scores_are_those_of_the_predicted_files(trained, scenes, tmp_path):
    """The network's maps scored in memory, and written by `predict` and scored from COCO files."""
    split = find_split(scenes, "val")
    written = predict(trained, [split.images_dir], tmp_path / "predicted", device="cpu")
    predicted, truth = (json.loads(path.read_text()) for path in (written, split.annotation_file))
    ids = {image["file_name"]: image["id"] for image in truth["images"]}
    numbers = {image["id"]: ids[image["file_name"]] for image in predicted["images"]}
    for annotation in predicted["annotations"]:
        annotation["image_id"] = numbers[annotation["image_id"]]
    written.write_text(json.dumps(predicted))
    from_files = evaluate_files(split.annotation_file, written).result()
    in_memory = evaluate(trained, scenes, progress=False).panoptic
    assert in_memory == from_files
    assert in_memory.images == 3
    assert in_memory.all.n > 0


def test_the_train_split_can_be_scored_as_well(trained, scenes, capsys):
    assert evaluate(trained, scenes, "train", progress=False).images == 8
    assert capsys.readouterr() == ("", "")


def test_a_data_set_of_other_classes_is_refused(trained, copied):
    path = copied / "annotations" / "panoptic_val.json"
    content = json.loads(path.read_text())
    content["categories"][0]["name"] = "ghost"
    path.write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=r"panoptic_val\.json: categories: wanted those of the network best_PQ_.*'ghost'"
    ):
        evaluate(trained, copied, progress=False)


def test_a_broken_image_is_named(trained, copied):
    image = sorted((copied / "val").iterdir())[1]
    image.write_bytes(b"")
    with pytest.raises(InputError, match=rf"{image.name}: file: wanted an image, got an empty file"):
        evaluate(trained, copied, progress=False)


def test_a_split_without_images_is_refused(trained, copied):
    path = copied / "annotations" / "panoptic_val.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "images": [], "annotations": []}))
    with pytest.raises(InputError, match=r"panoptic_val\.json: images: wanted at least one image, got none"):
        evaluate(trained, copied, progress=False)
