import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cqb_core.data.images import read_id_map
from cqb_core.errors import InputError
from cqb_core.network import load_network
from cqb_core.prediction import find_images, predict, predict_image
from cqb_core.scenes.classes import TAXONOMY


@pytest.fixture(scope="module")
def network(trained):
    return load_network(trained, "cpu")


@pytest.fixture
def photo(scenes):
    return Image.open(sorted((scenes / "val").iterdir())[0])


def test_files_and_folders_become_overlays_and_coco_files(trained, scenes, photo, tmp_path):
    photo.save(tmp_path / "single.png")
    seen = []
    out = tmp_path / "out"
    inputs = [scenes / "val", tmp_path / "single.png"]
    written = predict(trained, inputs, out, device="cpu", report=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert written == out / "panoptic.json"
    content = json.loads(written.read_text())
    assert [image["id"] for image in content["images"]] == [1, 2, 3, 4]
    assert content["images"][3]["file_name"] == "single.png"
    assert content["categories"] == TAXONOMY.to_json()
    for image, annotation in zip(content["images"], content["annotations"], strict=True):
        ids = read_id_map(out / "panoptic" / annotation["file_name"], (image["width"], image["height"]))
        assert {segment["id"] for segment in annotation["segments_info"]} == set(np.unique(ids).tolist()) - {0}
        assert (out / "overlay" / annotation["file_name"]).is_file()


def test_odd_images_are_read_right(network, photo, tmp_path):
    """Grey, 16 bits, CMYK and turned by EXIF: each as its plain RGB twin."""
    grey = photo.convert("L")
    grey.save(tmp_path / "grey.png")
    Image.merge("RGB", [grey] * 3).save(tmp_path / "grey_rgb.png")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    photo.convert("CMYK").save(tmp_path / "ink.tif")
    photo.convert("CMYK").convert("RGB").save(tmp_path / "ink_rgb.png")
    turned, exif = photo.crop((0, 0, 60, 40)), Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    turned.transpose(Image.Transpose.ROTATE_270).save(tmp_path / "turned_rgb.png")
    twins = [("grey", "grey_rgb"), ("deep", "grey_rgb"), ("turned", "turned_rgb")]
    pairs = [(f"{odd}.png", f"{plain}.png") for odd, plain in twins] + [("ink.tif", "ink_rgb.png")]
    for odd, plain in pairs:
        a, b = (predict_image(network, tmp_path / name) for name in (odd, plain))
        assert a.ids.tolist() == b.ids.tolist(), odd
        assert a.segments == b.segments
    assert predict_image(network, tmp_path / "turned.png").ids.shape == (60, 40)


def test_predictions_do_not_depend_on_the_order(network, scenes):
    first, second, _ = sorted((scenes / "val").iterdir())
    alone = predict_image(network, second)
    predict_image(network, first)
    assert predict_image(network, second).ids.tolist() == alone.ids.tolist()


def test_images_of_a_folder_come_in_order_and_nothing_else(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in find_images([tmp_path])] == ["a.png", "b.JPG"]


def test_what_is_no_image_is_named(trained, tmp_path):
    with pytest.raises(InputError, match="none.jpg: image: wanted a file or a folder, got nothing there"):
        find_images([tmp_path / "none.jpg"])
    with pytest.raises(InputError, match=r"folder: wanted images \(\.jpg, .*\), got none"):
        find_images([tmp_path])
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"notes\.txt: file: wanted an image, got no image format we know"):
        predict(trained, [tmp_path / "notes.txt"], tmp_path / "out", device="cpu")


def test_two_images_of_one_name_are_refused(tmp_path):
    for name in ("a.png", "a.jpg"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png: name: wanted names that differ, .* got that of"):
        find_images([tmp_path])


def test_a_folder_of_something_else_is_not_written_to(trained, scenes, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"out: wanted an empty folder, or one of predictions, got thesis\.tex"):
        predict(trained, [scenes / "val"], tmp_path, device="cpu")
    with pytest.raises(InputError, match=r"thesis\.tex: out: wanted a folder, got a file"):
        predict(trained, [scenes / "val"], tmp_path / "thesis.tex", device="cpu")


def test_earlier_predictions_are_replaced_and_a_failed_run_leaves_no_json(trained, scenes, tmp_path):
    images, out = shutil.copytree(scenes / "val", tmp_path / "images"), tmp_path / "out"
    first, second, third = sorted(images.iterdir())
    predict(trained, [first], out, device="cpu")
    predict(trained, [second], out, device="cpu")
    assert [image["file_name"] for image in json.loads((out / "panoptic.json").read_text())["images"]] == [second.name]
    third.write_bytes(b"")
    with pytest.raises(InputError, match="got an empty file"):
        predict(trained, [first, third], out, device="cpu")
    assert not (out / "panoptic.json").exists()
