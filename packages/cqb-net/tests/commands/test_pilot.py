import json

from cqb_net.pilots import Outcome
from cqb_net.pilots.runs import MEASURED

NAME = "cqb-net_tiny_scenes"


def call(scenes, out, *more):
    return ["pilot", "--data", scenes, "--config", NAME, "--out", out, *more]


def test_a_dry_run_shows_what_would_be_trained_and_writes_nothing(run, scenes, tmp_path):
    out = tmp_path / "pilots"
    status, said, _ = run(*call(scenes, out, "--shares", "0.25,0.5", "--seeds", 2, "--dry-run", "--allow-unseen"))
    assert status == 0
    assert "40 trainings for 60 rows of the table of pilots" in said
    assert "20 rows coincide with another one's training" in said
    assert not out.exists()


def test_some_rows_are_chosen_by_name(run, scenes, tmp_path):
    words = ("--rows", "Cls2Box,relation ST->TH", "--shares", "0.5", "--seeds", 1, "--dry-run", "--allow-unseen")
    _, said, _ = run(*call(scenes, tmp_path / "pilots", *words))
    assert "6 trainings for 6 rows" in said
    assert "Relation st->th upper" in said


def test_a_design_is_followed(run, scenes, tmp_path):
    design = tmp_path / "design.csv"
    design.write_text("full,rest,share,variant,seed\nP,none,0.5,baseline,0\nP,I,0.5,module,0\n")
    _, said, _ = run(*call(scenes, tmp_path / "pilots", "--design", design, "--dry-run", "--allow-unseen"))
    assert "2 trainings for 2 rows" in said
    assert "Cls2Box+Cls2Pixel" in said


def test_wrong_calls_are_one_sentence_and_leave_nothing(refused, scenes, tmp_path):
    out = tmp_path / "pilots"
    assert refused(*call(scenes, out, "--rows", "Cls2Bx")).endswith("got 'Cls2Bx' (did you mean Cls2Box?)")
    assert refused(*call(scenes, out, "--shares", "a")).startswith("--shares: 'a': wanted numbers such as 0.1,0.3,0.5")
    assert "wanted at least one of 8 images with labels P, got none at share 0.01" in refused(
        *call(scenes, out, "--shares", "0.01")
    )
    assert refused(*call(scenes, out, "--shares", "0.5")).endswith("got none for boat, tree")
    assert refused(*call(scenes, out, "--design", tmp_path / "none.csv")).endswith(
        "wanted a CSV file, got no such file"
    )
    assert not out.exists()


def test_a_folder_of_another_config_is_refused(refused, scenes, tmp_path):
    out = tmp_path / "pilots"
    out.mkdir()
    (out / "sweep.json").write_text(json.dumps({"format": "cqb-pilots", "version": 1, "fingerprint": "x"}))
    message = refused(*call(scenes, out, "--shares", "0.5", "--allow-unseen"))
    assert message.startswith(f"{out / 'sweep.json'}: fingerprint: wanted the data set's ")


def test_a_failed_training_is_exit_status_1(run, scenes, tmp_path, monkeypatch):
    monkeypatch.setattr("cqb_net.pilots.training.run_pilot", int)
    words = ("--design", tmp_path / "design.csv", "--allow-unseen", "--no-check", "--workers", 1)
    (tmp_path / "design.csv").write_text("full,rest,share,variant,seed\nP,none,0.5,baseline,0\n")
    status, said, err = run(*call(scenes, tmp_path / "pilots", *words))
    assert status == 1
    assert "0 of 1 trainings done, 1 failed" in err
    assert said == f"pilots: {tmp_path / 'pilots' / 'pilots.csv'}\n"
    assert "TypeError: int() takes at most 2 arguments" in (tmp_path / "pilots" / "failures.csv").read_text()


class Counting:
    """An executor that trains nothing and counts what it was asked for."""

    slots, asked = 1, 0

    def run(self, jobs):
        for job in jobs:
            self.asked += 1
            yield Outcome(job.key, {**dict.fromkeys(MEASURED, ""), "images": 8, "pq_th": 12.5, "pq_st": 40.0})


def test_trainings_of_other_folders_are_taken_over(run, refused, scenes, tmp_path, monkeypatch):
    executor = Counting()
    monkeypatch.setattr("cqb_net.commands.pilot.executor_of", lambda *_: executor)
    words = ("--rows", "Cls2Box,Box2Mask", "--shares", "0.5", "--seeds", 1, "--allow-unseen", "--no-check")
    old, new = tmp_path / "old", tmp_path / "new"
    assert run(*call(scenes, old, *words[:1], "Cls2Box", *words[2:]))[0] == 0
    assert executor.asked == 3
    assert run(*call(scenes, new, *words, "--reuse", old / "runs.csv"))[0] == 0
    assert executor.asked == 5
    assert len((new / "pilots.csv").read_text().splitlines()) == 7
    assert "none.csv: table: wanted a CSV file, got none there" in refused(
        *call(scenes, tmp_path / "third", *words, "--reuse", tmp_path / "none.csv")
    )
