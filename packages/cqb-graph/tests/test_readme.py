"""The README's examples are run as they stand there, and its numbers are those of the committed measurement."""

import csv
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
README = (PACKAGE / "README.md").read_text()


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        exec(compile(block, "README.md", "exec"), names)
    out = capsys.readouterr().out
    assert "torch.Size([2, 54, 50, 84])" in out
    assert re.search(r"thing \d+ \(\d\.\d\): stuff \d+ 0\.\d{3}, stuff", out)
    assert {path.name for path in tmp_path.iterdir()} == {"edges.png", "effects.png"}


def test_the_table_of_costs_is_the_committed_measurement():
    (table,) = re.findall(r"<!-- table cost -->\n(.*?)<!-- end -->", README, re.S)
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    with (PACKAGE / "results" / "cost.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ("part", "form", "gflops", "seconds", "peak_mib", "times_faster", "times_less_memory")
    assert shown == [[row[name] for name in columns] for row in rows]


def test_the_papers_budget_is_kept():
    with (PACKAGE / "results" / "cost.csv").open(newline="") as file:
        gflops = {row["form"]: float(row["gflops"]) for row in csv.DictReader(file) if row["part"] == "modules"}
    assert gflops["shared"] < gflops["fused"] <= 12.5 < gflops["paper"]
