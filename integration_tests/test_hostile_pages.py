"""Names with HTML in them are shown as they are: nothing of them runs in the pages that we write."""

import csv
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from cqb_core import Labels
from cqb_net.study.page import write_page
from cqb_net.study.trials import Trial, TrialScore
from cqb_pareto import Price, PriceList, read_pilots, read_prices, study
from cqb_pareto.report import Page, write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
    "--dump-dom",
]
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

MARK = "document.title='owned'"
HOSTILE = (
    f"</script><script>{MARK}</script>",
    f"<img src=x onerror={MARK}>",
    f"<svg onload={MARK}>",
    f'"><img src=x onerror="{MARK}">',
    f"<a href='javascript:{MARK}'>P</a>",
    f"<!--<script>{MARK}</script>",
    f"\\u003cscript\\u003e{MARK}\\u003c/script\\u003e",
    "__SCRIPT__${" + MARK + "}`;" + MARK + "//'\u2028",
)
KINDS = HOSTILE[:3]


def browse(page, profile):
    """The page's document after its scripts ran."""
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", Path(page).as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


def owned(document):
    return "<title>owned</title>" in document


@pytest.fixture(scope="module")
def hostile_study(tmp_path_factory):
    """A plan from pilots under hostile names: label sets, modules, runs, the table and the price list."""
    folder = tmp_path_factory.mktemp("study")
    table = folder / HOSTILE[6].replace("/", "")
    rows = [("run", "full", "rest", "share", "variant", "module", "seed", "pq_th", "pq_st")]
    for step, share in enumerate((0.1, 0.3, 0.5)):
        rows.append((f"{HOSTILE[3]}{step}", "P", "none", share, "baseline", "", 0, 20 + 5 * step, 30 + 3 * step))
        for place, kind in enumerate(KINDS):
            for gain, variant in enumerate(("baseline", "module")):
                run, quality = f"{kind}{step}{variant}", 21 + 4 * step + place + gain
                rows.append((run, "P", kind, share, variant, HOSTILE[4 + place], 0, quality, quality + 10))
    with table.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    prices = {kind: Price.per_image(kind, 5.0 + place, HOSTILE[1], 2026) for place, kind in enumerate(KINDS)}
    prices["P"] = Price.per_image("P", 100.0, HOSTILE[1], 2026)
    listed = PriceList(HOSTILE[2], prices, currency=HOSTILE[4], hourly_wage=10.0)
    return study(read_pilots(table), listed, budget=0.4, images=1000, draws=5)


def test_the_names_came_through(hostile_study):
    assert set(KINDS) < set(hostile_study.objectives.quality.kinds)


@needs_browser
def test_nothing_in_the_names_runs_in_the_report(hostile_study, tmp_path):
    path = write_report(Page.of(hostile_study), tmp_path / "report.html")
    document = browse(path, tmp_path / "profile")
    assert 'data-ready="yes"' in document
    assert not owned(document)
    assert f"prices {HOSTILE[2]}" in unescape(document)


@needs_browser
def test_nothing_in_the_names_runs_in_the_page_of_a_study(hostile_study, tmp_path):
    result = {"pq": 20.0, "pq_th": 19.0, "pq_st": ""}
    scores = [
        TrialScore(Trial(name, {Labels.PANOPTIC: 0.25, Labels(0): 0.75}, 0), 0.25, result, Path("x"))
        for name in HOSTILE
    ]
    noted = replace(hostile_study, plan=replace(hostile_study.plan, notes=list(HOSTILE)))
    document = browse(write_page(noted, scores, tmp_path), tmp_path / "profile")
    assert "<h2>What the labels came to</h2>" in document
    assert not owned(document)
    assert all(f"Note: {name}" in unescape(document) for name in HOSTILE)


@needs_browser
def test_the_same_names_would_have_run(tmp_path):
    """In a page that puts them where ours puts them, and does not look."""
    for place, name in enumerate(HOSTILE[:4]):
        body = f'<script type="application/json">"{name}"</script><p>{name}</p>'
        (tmp_path / "bare.html").write_text(f"<!doctype html><title>page</title><body>{body}")
        assert owned(browse(tmp_path / "bare.html", tmp_path / f"profile{place}")), name


def test_a_price_list_of_hostile_names_is_read(tmp_path):
    rows = "\n".join(f'"{name.replace(chr(34), chr(34) * 2)}",,,4,me,2026' for name in HOSTILE[:4])
    header = "kind,seconds_per_object,objects_per_image,overhead,source,year\n"
    (tmp_path / "p.csv").write_text(f"{header}P,,,600,me,2026\n{rows}\n")
    assert set(HOSTILE[:4]) < set(read_prices(tmp_path / "p.csv").prices)
