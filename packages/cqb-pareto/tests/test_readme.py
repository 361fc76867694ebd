"""The newcomer's walk: the table and the commands that the README shows are run as they stand there."""

import json
import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from cqb_pareto.cli import app
from cqb_pareto.pilots import read_pilots

README = Path(__file__).parents[1] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.S)


def test_a_csv_of_eight_pilots_becomes_a_plan_and_a_report_in_three_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pilots.csv").write_text(blocks("csv")[0])
    assert len(read_pilots("pilots.csv").runs) == 8
    commands = [line for line in blocks("sh")[1].splitlines() if line.startswith("cqb-pareto ")]
    assert [shlex.split(line)[1] for line in commands] == ["fit", "plan", "report"]
    for line in commands:
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
    assert json.loads(Path("plan.json").read_text())["format"] == "cqb-plan"
    assert Path("report.html").stat().st_size > 3_000_000


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("pilots.csv").write_text(blocks("csv")[0])
    exec(compile(blocks("python")[0], "README.md", "exec"), {})
    assert "P" in capsys.readouterr().out
