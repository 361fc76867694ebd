"""The README's numbers are those of the committed measurement."""

import csv
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
COLUMNS = ("measure", "cascade", "cqb_net", "difference", "ratio", "threads", "device")


def rows():
    with (PACKAGE / "results" / "cost.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_of_costs_is_the_committed_measurement():
    (table,) = re.findall(r"<!-- table cost -->\n(.*?)<!-- end -->", (PACKAGE / "README.md").read_text(), re.S)
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    assert shown == [[row[name] for name in COLUMNS] for row in rows()]


def test_the_papers_budget_is_kept():
    found = {row["measure"]: row for row in rows()}
    assert float(found["inference GFLOPs"]["difference"]) <= 14.02
    assert float(found["inference seconds"]["ratio"]) <= 1.105
