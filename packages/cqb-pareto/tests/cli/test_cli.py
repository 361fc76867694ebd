import json

import pytest
from typer.testing import CliRunner

from cqb_pareto.cli import app
from cqb_pareto.design import EXPLORED

TABLE = """full,rest,share,variant,seed,pq_th,pq_st
P,none,0.1,baseline,0,40.1,25.3
P,none,0.5,baseline,0,50.4,32.0
P,I,0.1,module,0,44.0,26.5
P,I,0.5,module,0,51.4,32.5
P,B,0.1,module,0,48.8,26.1
P,B,0.5,module,0,52.0,32.8
"""


@pytest.fixture
def pilots(tmp_path):
    path = tmp_path / "pilots.csv"
    path.write_text(TABLE)
    return str(path)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_help_lists_the_verbs():
    done = run("--help")
    assert done.exit_code == 0
    assert all(verb in done.stdout for verb in ("fit", "plan", "design", "report", "paper"))


def test_fit_shows_every_family(pilots):
    done = run("fit", pilots)
    assert done.exit_code == 0
    assert all(done.stdout.count(f" {family} ") == 2 for family in ("power", "log-additive", "cubic"))


def test_plan_writes_what_it_says(pilots, tmp_path):
    out = tmp_path / "plan.json"
    done = run("plan", pilots, "--budget", 40, "--unit", "hours", "--images", 300, "--wage", 20, "--out", out)
    assert done.exit_code == 0, done.output
    content = json.loads(out.read_text())
    assert content["cost"]["hours"]["mid"] <= 40
    assert f"Label {content['counts']['P']} images P" in done.stdout
    assert content["cost"]["money"]["mid"] == pytest.approx(20 * content["cost"]["hours"]["mid"])


def test_options_reach_the_plan(pilots, tmp_path):
    out = tmp_path / "plan.json"
    words = ["--target-pq", 38, "--owned", "B=0.2", "--min", "P=0.15", "--max", "B=0.5", "--kinds", "P,I,B"]
    done = run("plan", pilots, *words, "--classes", "3,8", "--model", "log", "--out", out)
    assert done.exit_code == 0, done.output
    content = json.loads(out.read_text())
    assert content["counts"]["P"] >= 150
    assert content["counts"].get("B", 0) <= 500
    assert {family["family"] for family in content["families"].values()} == {"log"}


def test_a_plan_may_be_told_to_extrapolate(pilots, tmp_path):
    out = tmp_path / "plan.json"
    done = run("plan", pilots, "--budget", 0.05, "--extrapolate", "--out", out)
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text())["allocation"].get("P", 0) < 0.05
    assert "outside the piloted shares: the band is widened" in done.stdout


def test_design_goes_on_from_a_table(pilots, tmp_path):
    out = tmp_path / "next.csv"
    done = run("design", pilots, "--runs", 3, "--out", out)
    assert done.exit_code == 0
    assert out.read_text().splitlines()[0] == "full,rest,share,variant,seed,pq_th,pq_st,value"
    assert len(out.read_text().splitlines()) == 4


def test_design_explores_by_half_or_as_much_as_is_asked(pilots):
    plain, half, none, whole = (
        run("design", pilots, "--runs", 4, *words).stdout
        for words in ((), ("--explored", EXPLORED), ("--explored", 0), ("--explored", 1))
    )
    assert plain == half
    assert "P,none,0.98,baseline,0" in half
    assert "P,none,0.98," not in none
    assert whole.count(",0.98,") == 3
    refused = run("design", pilots, "--explored", 2)
    assert refused.exit_code == 2
    assert "explored: wanted a part from 0 to 1, got 2.0" in refused.output


def test_design_begins_from_nothing():
    done = run("design", "--runs", 6, "--kinds", "P,I,B")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 7


def test_paper_prints_what_holds_and_what_does_not():
    done = run("paper")
    assert done.exit_code == 0
    assert "Reproduces: Table 1's costs with B = 0.30 (13 of 14 rows within 0.0015" in done.stdout
    assert "O1 and O2 are dominated" in done.stdout
    assert "f1 as printed" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "nowhere.csv", "--budget", 0.3], "nowhere.csv: file: wanted a CSV file, got no such file"),
        (["plan", "table2"], "goal: wanted a budget or a target PQ"),
        (["plan", "table2", "--budget", 0.3, "--owned", "B:2"], "--owned: 'B:2': wanted a label set and a share"),
        (
            ["plan", "table2", "--budget", 0.3, "--prices", "cheap"],
            "cheap: file: wanted a CSV file, or one of paper-text, paper-table1, got no",
        ),
        (
            ["plan", "table2", "--budget", 0.3, "--model", "magic"],
            "model: wanted one of power, diminishing, log, log-additive, cubic",
        ),
        (["plan", "table2", "--budget", 0.3, "--kinds", "I,P"], "kinds: order: wanted the full label set P first"),
        (["plan", "table2", "--budget", 0.3, "--kinds", "P,I,I"], "kinds: names: wanted each label set once"),
        (
            ["plan", "table2", "--budget", 0.05, "--kinds", "P,I"],
            "this budget buys at most 0.044: pilot P there alone and with I on the rest, or extrapolate",
        ),
        (["fit", "table2", "--kinds", "P,M"], "variant module, full P, rest M"),
        (["report", "table2", "--budget", 0.0001, "--out", "never.html"], "the cost of the cheapest allocation"),
    ],
)
def test_errors_are_one_line_without_a_traceback(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
