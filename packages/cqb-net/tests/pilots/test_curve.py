import csv
import json

from cqb_net.pilots.curve import write_curve


def log(training, session, *rows, torn=""):
    path = training / session / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + torn)


def test_sessions_are_joined_and_the_last_one_counts(tmp_path):
    log(tmp_path, "20260101_000000", {"step": 1, "loss": 9.0}, {"step": 2, "loss": 8.0}, {"step": 3, "loss": 7.0})
    log(tmp_path, "20260101_000100", {"step": 2, "loss": 6.0, "lr": 0.1}, torn='{"step": 4, "lo')
    assert write_curve(tmp_path, tmp_path / "curve.csv") == 2
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"step": "1", "loss": "9.0", "lr": ""}, {"step": "2", "loss": "6.0", "lr": "0.1"}]


def test_a_training_without_a_log_has_an_empty_curve(tmp_path):
    assert write_curve(tmp_path, tmp_path / "curve.csv") == 0
    assert (tmp_path / "curve.csv").read_text() == "step\n"
