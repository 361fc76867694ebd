import dataclasses
import json
import shutil

import pytest

from cqb_pareto import named_prices, paper_pilots, write_plan
from cqb_pareto import plan as plan_labels


def test_scenes_are_drawn_and_found_sound(run, tmp_path):
    out = tmp_path / "scenes"
    status, said, err = run("data", "scenes", out, "--train", 2, "--val", 1, "--seed", 3)
    assert (status, said) == (0, f"2 train and 1 val images in {out}\n")
    assert err.startswith("draw: 3 of 3 in ")
    status, said, _ = run("data", "check", out)
    assert status == 0
    assert (
        said
        == "2 images: 2 sound, 0 faults in 0 images, 0 notices\n1 images: 1 sound, 0 faults in 0 images, 0 notices\n"
    )


def test_faults_are_a_table_and_status_1(run, scenes, tmp_path):
    root = shutil.copytree(scenes, tmp_path / "copied")
    image = sorted((root / "val").iterdir())[0]
    image.write_bytes(b"")
    status, said, err = run("data", "check", root, "--split", "val", "--workers", 1)
    assert status == 1
    assert "3 images: 2 sound, 1 faults in 1 images" in said
    assert "an empty file" in said
    assert err.startswith("check val: 3 of 3 in ")


def test_images_are_checked_for_what_they_own(run, refused, scenes, tmp_path):
    root, labels = shutil.copytree(scenes, tmp_path / "copied"), tmp_path / "labels.json"
    assert run("data", "assign", root, "--ratio", "P=0.25,B=0.5,none=0.25", "-o", labels)[0] == 0
    sets = json.loads(labels.read_text())["images"]
    for image in sets["B"]:
        (root / "annotations" / "panoptic_train" / f"{image:012d}.png").unlink()
    assert run("data", "check", root)[0] == 1
    status, said, _ = run("data", "check", root, "--labels", labels)
    assert (status, said.splitlines()[0]) == (0, "8 images: 8 sound, 0 faults in 0 images, 0 notices")
    assert run("data", "check", root, "--labels", labels, "--split", "train")[0] == 0
    (root / "annotations" / "panoptic_train" / f"{sets['P'][0]:012d}.png").unlink()
    status, said, _ = run("data", "check", root, "--labels", labels)
    assert (status, "1 faults in 1 images" in said) == (1, True)
    assert "labels.json: fingerprint: wanted" in refused("data", "check", root, "--labels", labels, "--split", "val")


def test_images_are_assigned_in_exact_counts(run, scenes, tmp_path):
    path = tmp_path / "labels.json"
    status, said, _ = run("data", "assign", scenes, "--ratio", "P=0.25,B=0.5,none=0.25", "--seed", 1, "-o", path)
    assert (status, said) == (0, f"{path}: P 2, B 4, none 2 of 8 images\n")
    assert {name: len(ids) for name, ids in json.loads(path.read_text())["images"].items()} == {
        "P": 2,
        "B": 4,
        "none": 2,
    }


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        ("P=0.5,I=0.43", "allocation: shares: wanted a sum of 1, got 0.93 (P=0.5, I=0.43)"),
        ("P=nan,I=1", "allocation: P: wanted a share in [0, 1], got nan"),
        ("P=1.5,I=-0.5", "allocation: I: wanted a share in [0, 1], got -0.5"),
        ("P=0.5;I=0.5", "allocation: 'P=0.5;I=0.5': wanted LABELS=SHARE pairs such as P=0.3,I=0.7, got 'P=0.5;I=0.5'"),
        ("X=1", "labels: 'X': wanted one of P, I, B, M, S, none, or a sum such as B+S, got 'X'"),
        ("P=0.5,P=0.5", "allocation: 'P=0.5,P=0.5': wanted each label set once, got P twice"),
        ("", "allocation: shares: wanted a sum of 1, got 0 (nothing)"),
    ],
)
def test_a_wrong_ratio_is_named(refused, scenes, tmp_path, ratio, message):
    assert refused("data", "assign", scenes, "--ratio", ratio, "-o", tmp_path / "labels.json") == message
    assert not (tmp_path / "labels.json").exists()


def test_a_wrong_folder_is_named(refused, tmp_path):
    assert f"{tmp_path / 'annotations'}: folder: wanted the COCO folder of annotations" in refused(
        "data", "check", tmp_path
    )


def test_scenes_are_not_drawn_over_something_else(refused, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    message = refused("data", "scenes", tmp_path)
    assert (
        message
        == f"{tmp_path}: folder: wanted an empty folder, or one of scenes (with a scenes.json), got other content"
    )


def test_numbers_out_of_range_are_wrong_calls(run, tmp_path):
    assert run("data", "scenes", tmp_path / "x", "--coherence", 2)[0] == 2
    assert run("data", "scenes", tmp_path / "x", "--train", -1)[0] == 2


@pytest.fixture
def plan(tmp_path):
    """A function that writes a plan for eight images."""

    def write(**allocation):
        pilots, path = paper_pilots(), tmp_path / "plan.json"
        made = plan_labels(pilots, named_prices("paper-text"), budget=0.3, images=8, draws=20, seed=0)
        counts = {kind: round(8 * share) for kind, share in allocation.items()}
        write_plan(dataclasses.replace(made, allocation=allocation, counts=counts, bought=counts), path)
        return path

    return write


def test_a_plan_is_assigned_and_listed(run, scenes, tmp_path, plan):
    labels, out = tmp_path / "labels.json", tmp_path / "work"
    status, said, _ = run("data", "assign", scenes, "--from-plan", plan(P=0.25, B=0.5, I=0.25), "-o", labels)
    assert (status, said) == (0, f"{labels}: P 2, B 4, I 2 of 8 images\n")
    status, said, _ = run("data", "worklist", scenes, labels, "--out", out, "--wage", 15)
    assert status == 0
    assert said.endswith(f"lists: {out}\n")
    assert "all" in said
    assert len((out / "B.csv").read_text().splitlines()) == 5


def test_a_plan_that_buys_what_nobody_learns_from(refused, scenes, tmp_path, plan):
    message = refused("data", "assign", scenes, "--from-plan", plan(P=0.5, scribbles=0.5), "-o", tmp_path / "l.json")
    assert "plan.json: allocation: wanted one of P, I, B, M, S, none" in message
    assert message.endswith("got 'scribbles'")


def test_shares_or_a_plan(refused, scenes, tmp_path):
    wanted = "data assign: --ratio, --from-plan: wanted one of them, got neither"
    assert refused("data", "assign", scenes, "-o", tmp_path / "l.json") == wanted


def test_what_is_wrong_with_prices_or_a_plan_is_one_sentence(refused, scenes, tmp_path):
    run = ("data", "assign", scenes, "-o", tmp_path / "labels.json")
    assert "no.json: file: wanted a plan as JSON" in refused(*run, "--from-plan", tmp_path / "no.json")
