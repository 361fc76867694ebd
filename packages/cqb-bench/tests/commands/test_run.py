import pytest

NAME = "cqb-net_tiny_scenes"


@pytest.fixture
def asked(scenes, tmp_path):
    """A function from a task and further words to the words of a call."""

    def words(task, *more):
        out = tmp_path / "bench"
        return ["run", "--task", task, "--data", scenes, "--config", NAME, "--out", out, "--allow-unseen", *more]

    return words


def test_a_dry_run_shows_what_would_be_trained_and_writes_nothing(run, asked, tmp_path):
    status, said, err = run(*asked("detection", "--methods", "wsddn,melm", "--shares", "0.25,0.5", "--dry-run"))
    assert status == 0, err
    assert "20 trainings for 20 rows of the table of bench" in said
    assert "detection wsddn" in said
    assert not (tmp_path / "bench").exists()


def test_wrong_calls_are_one_sentence_and_leave_nothing(refused, asked, tmp_path):
    assert refused(*asked("detectoin")).endswith("got 'detectoin' (did you mean detection?)")
    assert refused(*asked("detection", "--methods", "mlem")).endswith("got 'mlem' (did you mean melm?)")
    assert refused(*asked("instance", "--methods", "melm")).endswith("got melm, one for detection")
    assert "learns from B (none), got melm, which learns from I" in refused(
        *asked("detection", "--methods", "melm", "--rest", "B")
    )
    assert "wanted labels that some method learns from: I (" in refused(*asked("detection", "--rest", "S"))
    assert "got 'Q'" in refused(*asked("detection", "--rest", "Q"))
    assert refused(*asked("detection", "--shares", "a")).startswith("--shares: 'a': wanted numbers such as")
    assert "did you mean" in refused(*asked("detection", "--set", "train_dataloader.batch_siz=2"))
    assert not (tmp_path / "bench").exists()


def test_a_failed_training_is_exit_status_1(run, asked, monkeypatch, tmp_path):
    monkeypatch.setattr("cqb_net.pilots.training.run_pilot", int)
    words = ("--methods", "box2mask", "--shares", "0.5", "--seeds", 1, "--no-check", "--workers", 1)
    status, said, err = run(*asked("instance", *words))
    assert status == 1
    assert "0 of 3 trainings done, 3 failed" in err
    assert said == f"results: {tmp_path / 'bench' / 'bench.csv'}\n"


def test_a_config_from_elsewhere_wants_the_users_word(asked, run, refused, tmp_path):
    config = tmp_path / "mine.py"
    config.write_text('_base_ = __import__("cqb_core.configs").configs.path("panoptic-cascade_tiny_scenes")\n')
    call = ["--config", config, "--methods", "wsddn", "--shares", "0.5", "--dry-run"]
    assert "--trust-config" in refused(*asked("detection", *call))
    assert run(*asked("detection", *call, "--trust-config"))[0] == 0


def test_trainings_of_other_folders_are_taken_over(run, asked, measured, monkeypatch, tmp_path):
    executor = measured(box_ap=20.0, miou=40.0)
    monkeypatch.setattr("cqb_bench.commands.run.executor_of", lambda *_: executor)
    words = ("--methods", "wsddn", "--shares", "0.5", "--seeds", 1, "--no-check")
    assert run(*asked("detection", *words))[0] == 0
    assert len(executor.tried) == 4
    known = tmp_path / "bench" / "runs.csv"
    more = ("--methods", "cam", *words[2:], "--out", tmp_path / "other", "--reuse", known)
    status, _, err = run(*asked("semantic", *more))
    assert status == 0, err
    assert len(executor.tried) == 7
    assert len((tmp_path / "other" / "bench.csv").read_text().splitlines()) == 5
