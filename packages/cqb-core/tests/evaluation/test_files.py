import json

import numpy as np
import pytest
from PIL import Image

from cqb_core.data.images import read_id_map
from cqb_core.errors import InputError
from cqb_core.evaluation.files import PanopticFiles, evaluate_files
from cqb_core.segments import PanopticMap


@pytest.fixture
def pair(tmp_path, drawing, write_maps):
    """Truth and prediction json of two small images."""
    maps = drawing.pairs(0, images=2)
    truth = write_maps(tmp_path / "truth.json", [truth for _, truth in maps])
    return truth, write_maps(tmp_path / "prediction.json", [prediction for prediction, _ in maps])


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_maps_come_back_one_by_one_in_the_order_of_the_truth(tmp_path, drawing, write_maps):
    maps = [truth for _, truth in drawing.pairs(3, images=3)]
    files = PanopticFiles(write_maps(tmp_path / "t.json", maps), write_maps(tmp_path / "p.json", maps[::-1]))
    assert files.taxonomy == drawing.taxonomy
    assert len(files) == 3
    for image_id, (read, drawn) in enumerate(zip(files, maps, strict=True)):
        assert read.image_id == image_id
        np.testing.assert_array_equal(read.truth.ids, drawn.ids)
        np.testing.assert_array_equal(read.prediction.ids, maps[2 - image_id].ids)
        assert read.truth.segments == drawn.segments


@pytest.mark.parametrize("name", ["coco200/annotations/panoptic_val2017", "panopticapi_sample/panoptic_examples"])
def test_real_truth_against_itself_and_spoiled_equals_panopticapi(name, tmp_path, shared_data, panopticapi_pq):
    source = shared_data / f"{name}.json"
    content = json.loads(source.read_text())
    content["annotations"] = content["annotations"][:8]
    truth, spoiled = tmp_path / "truth.json", tmp_path / "spoiled.json"
    truth.write_text(json.dumps(content))
    truth.with_suffix("").symlink_to(source.with_suffix(""))
    assert evaluate_files(truth, truth).result().all.pq == 1
    rng = np.random.default_rng(0)
    spoiled.with_suffix("").mkdir()
    for annotation in content["annotations"]:
        ids = np.roll(read_id_map(truth.with_suffix("") / annotation["file_name"]), 9, axis=1)
        ids[:, : ids.shape[1] // 5] = rng.choice(np.append(np.unique(ids), 0))
        shown = set(np.unique(ids).tolist())
        annotation["segments_info"] = [s for s in annotation["segments_info"] if s["id"] in shown]
        rgb = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1).astype(np.uint8)
        Image.fromarray(rgb).save(spoiled.with_suffix("") / annotation["file_name"], compress_level=1)
    spoiled.write_text(json.dumps({"annotations": content["annotations"]}))
    ours, wanted = evaluate_files(truth, spoiled).result(), panopticapi_pq(truth, spoiled)
    assert 0.1 < ours.all.pq < 0.95
    for group in ("all", "things", "stuff"):
        theirs = wanted["groups"][group]
        got = getattr(ours, group)
        assert (got.pq, got.sq, got.rq, got.n) == pytest.approx([theirs[k] for k in ("pq", "sq", "rq", "n")], abs=1e-12)
    per_class = {row.category.id: row.pq for row in ours.classes}
    assert per_class == pytest.approx({k: v["pq"] for k, v in wanted["classes"].items()}, abs=1e-12)


def test_folders_can_be_elsewhere(tmp_path, pair):
    truth, prediction = pair
    wanted = evaluate_files(truth, prediction).result()
    moved = [path.with_suffix("").rename(tmp_path / f"moved_{path.stem}") for path in pair]
    assert evaluate_files(truth, prediction, *moved).result() == wanted


def test_predictions_of_other_images_are_counted(pair):
    truth, prediction = pair
    wanted = evaluate_files(truth, prediction).result().images
    edit(truth, lambda content: content["annotations"].pop())
    with pytest.warns(UserWarning, match=r"prediction.json: 1 predictions of images that .*truth.json lacks"):
        assert evaluate_files(truth, prediction).result().images == wanted - 1


def test_an_image_without_prediction_is_named(pair):
    truth, prediction = pair
    edit(prediction, lambda content: content["annotations"].pop())
    with pytest.raises(InputError, match=r"prediction.json: annotations: .*truth.json, got none for image 1"):
        evaluate_files(truth, prediction)


def _first(content):
    return content["annotations"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("annotations"), "annotations: wanted a list, got None"),
        (lambda c: c["annotations"].append(5), r"annotations\[2\]: wanted an object, got 5"),
        (lambda c: _first(c).pop("file_name"), r"annotations\[0\].file_name: wanted str, got nothing"),
        (lambda c: _first(c).update(image_id=1.5), r"annotations\[0\].image_id: wanted int \| str, got 1.5"),
        (lambda c: c["annotations"].append(_first(c)), r"annotations\[2\].image_id: .* got 0 again"),
        (lambda c: _first(c).update(segments_info=None), r"annotations\[0\].segments_info: wanted list, got None"),
        (lambda c: _first(c)["segments_info"].insert(0, 3), r"image 0: segments_info\[0\]: wanted an object, got 3"),
        (lambda c: _first(c)["segments_info"][1].pop("id"), r"image 0: segments_info\[1\].id: wanted int, got nothing"),
        (lambda c: _first(c)["segments_info"].pop(), "image 0: ids: wanted only ids that its table of segments lists"),
        (
            lambda c: _first(c)["segments_info"].append({"id": 3, "category_id": 1}),
            r"image 0: segments\[\d+\].id: wanted an id that the map holds, got 3",
        ),
        (
            lambda c: _first(c)["segments_info"][0].update(category_id=7),
            r"image 0: segments\[0\].category_id: .* got 7",
        ),
    ],
)
def test_faults_of_a_prediction_file_are_named(pair, change, message):
    truth, prediction = pair
    edit(prediction, change)
    with pytest.raises(InputError, match=rf"prediction\.json: {message}"):
        evaluate_files(truth, prediction)


def test_faults_of_the_truth_file_are_named(pair):
    truth, prediction = pair
    edit(truth, lambda c: _first(c)["segments_info"][0].update(area="big"))
    with pytest.raises(InputError, match=r"truth\.json: image 0: segments_info\[0\].area: wanted int, got 'big'"):
        evaluate_files(truth, prediction)
    edit(truth, lambda c: c.pop("categories"))
    with pytest.raises(InputError, match=r"truth\.json: categories: wanted a list"):
        evaluate_files(truth, prediction)
    with pytest.raises(InputError, match=r"none\.json: file: wanted a JSON file, got no such file"):
        evaluate_files(truth.with_name("none.json"), prediction)
    truth.write_text("[]")
    with pytest.raises(InputError, match=r"truth\.json: content: wanted an object .*, got list"):
        evaluate_files(truth, prediction)


def test_faults_of_a_png_are_named(pair, drawing):
    truth, prediction = pair
    png = prediction.with_suffix("") / "0.png"
    good = png.read_bytes()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(png)
    with pytest.raises(
        InputError, match=r"0\.png: format: wanted an RGB PNG with 8 bits a channel .*, got PNG of mode L"
    ):
        evaluate_files(truth, prediction)
    png.write_bytes(good[: len(good) // 2])
    with pytest.raises(InputError, match=r"0\.png: content: .*truncated"):
        evaluate_files(truth, prediction)
    png.write_text("hello")
    with pytest.raises(InputError, match=r"0\.png: .*image"):
        evaluate_files(truth, prediction)
    png.unlink()
    with pytest.raises(InputError, match=r"0\.png: file: .* got no such file"):
        evaluate_files(truth, prediction)


def test_maps_of_another_size_are_named(tmp_path, drawing, write_maps):
    truth = write_maps(tmp_path / "truth.json", [drawing.truth(np.random.default_rng(0))])
    prediction = write_maps(tmp_path / "prediction.json", [PanopticMap(np.zeros((3, 4), np.int32), ())])
    with pytest.raises(InputError, match=r"prediction.json: image 0: ids: .* shape \(48, 64\), got \(3, 4\)"):
        evaluate_files(truth, prediction)
