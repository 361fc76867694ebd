"""The report in a browser: the page computes what Python computes."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from cqb_pareto.pilots import paper_pilots
from cqb_pareto.prices import Price, PriceList, named_prices
from cqb_pareto.report import Mark, Page, write_front_png, write_report
from cqb_pareto.report import write as writing
from cqb_pareto.study import plan, study

KINDS = ("P", "I", "B", "S")
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


@pytest.fixture(scope="module")
def page():
    made = study(paper_pilots(), named_prices("paper-text"), budget=0.3, images=1000, kinds=KINDS, draws=20)
    return Page.of(made, [Mark("O6", "#2a9d52", ["O6"], np.array([[0.29, 0.355, 0.29, 0.065]]))])


@pytest.fixture(scope="module")
def report(page, tmp_path_factory):
    return write_report(page, tmp_path_factory.mktemp("report") / "report.html")


def browse(report, profile, fragment=""):
    """The page's document after its script ran, and what it wrote to the console."""
    address = f"{Path(report).as_uri()}#{fragment}"
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def text_of(document, element):
    """The text of an element that holds no other."""
    return unescape(re.search(rf'id="{element}"[^>]*>([^<]*)<', document)[1])


def row_of(document):
    return int(re.search(r'<table id="recommendation" data-row="(-?\d+)"', document)[1])


def test_the_file_is_whole_and_offline(report):
    html = report.read_text()
    assert html.endswith("</html>\n")
    assert "__DATA__" not in html.replace("__DATA__", "", 0).split("plotly")[0]
    assert len(html) > 3_000_000
    ours = html[: html.index("<script>")] + html[html.rindex('<script id="data"') :]
    assert not re.search(r"(src|href)=|https?://", ours)


def test_the_data_are_what_python_holds(report, page):
    html = report.read_text()
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.S)[1])
    assert data["kinds"] == list(KINDS)
    assert np.array(data["pq"]) == pytest.approx(page.pq)
    assert data["goal"] == pytest.approx(0.3 * 1000 * 1104 / 3600)
    assert [len(branch["runs"]) for branch in data["responses"]] == [27, 18]


def test_at_the_plans_prices_the_page_recommends_the_plan(page):
    row = page.recommend(page.seconds, page.goal)
    assert page.pq[row] == pytest.approx(page.study.plan.pq.mid, abs=0.01)


def test_the_page_and_the_plan_show_the_band_of_one_training_run(page):
    planned, row = page.study.plan.pq, page.recommend(page.seconds, page.goal)
    assert (page.low[row], page.high[row]) == pytest.approx((planned.low, planned.high), abs=0.15)
    quality = page.study.objectives.quality
    response = np.quantile(quality.predict_draws(page.shares[row : row + 1]), [0.1, 0.9])
    assert page.high[row] - page.low[row] > 1.1 * np.ptp(response)


def test_under_other_prices_the_page_is_close_to_a_new_plan(page):
    seconds = [1104.0, 6.624, 331.2, 750.72]
    row = page.recommend(seconds, page.goal)
    prices = {k: Price.per_image(k, s, "changed", 2026) for k, s in zip(("P", "I", "B", "S"), seconds, strict=True)}
    prices["M"] = Price.per_image("M", 353.0, "changed", 2026)
    again = plan(paper_pilots(), PriceList("changed", prices), budget=0.3, images=1000, kinds=KINDS, draws=20)
    assert page.pq[row] == pytest.approx(again.pq.mid, abs=0.1)
    assert page.shares[row, 2] < page.shares[page.recommend(page.seconds, page.goal), 2] - 0.3


def test_names_cannot_break_out_of_the_script(page, tmp_path):
    mark = Mark("</script><b>__SCRIPT__", "#000000", ["x"], np.array([[1.0, 0.0, 0.0, 0.0]]))
    html = write_report(
        Page(page.study, page.shares, page.pq, page.low, page.high, [mark]), tmp_path / "r.html"
    ).read_text()
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.S)[1])
    assert data["marks"][0]["label"] == mark.label


def test_a_report_is_never_written_half(page, tmp_path, monkeypatch):
    old = tmp_path / "report.html"
    old.write_text("old")
    monkeypatch.setattr(writing.Page, "to_json", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(page, old)
    assert old.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_png_is_one(page, tmp_path):
    content = write_front_png(page, tmp_path / "front.png", dpi=100).read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 5000


@needs_browser
def test_the_page_runs_without_a_console_error(report, page, tmp_path):
    document, console = browse(report, tmp_path)
    assert console == []
    assert 'data-ready="yes"' in document
    assert text_of(document, "error") == ""
    assert row_of(document) == page.recommend(page.seconds, page.goal)
    assert document.count('class="main-svg"') >= 3
    assert f"Label {page.study.plan.counts['P']} images P" in document


@needs_browser
@pytest.mark.parametrize("notes", [[], ["a note"]])
def test_doubts_have_a_heading_where_there_are_some(page, tmp_path, notes):
    made = replace(page, study=replace(page.study, plan=replace(page.study.plan, notes=notes)))
    document, _ = browse(write_report(made, tmp_path / "report.html"), tmp_path)
    assert '<section id="doubts">' in document or not notes
    assert '<section id="doubts" hidden' in document or notes


@needs_browser
@pytest.mark.parametrize("changes", [{"price-B": 331.2}, {"price-P": 3000.0, "price-I": 1.0}, {"goal": 40.0}])
def test_a_slider_changes_the_recommendation_to_what_python_computes(report, page, tmp_path, changes):
    fragment = "&".join(f"{name}={value}" for name, value in changes.items())
    document, console = browse(report, tmp_path, fragment)
    seconds = [changes.get(f"price-{kind}", s) for kind, s in zip(KINDS, page.seconds, strict=True)]
    expected = page.recommend(seconds, changes.get("goal", page.goal))
    assert console == []
    assert row_of(document) == expected
    assert expected != page.recommend(page.seconds, page.goal)
    assert text_of(document, "verdict").startswith(f"PQ {page.pq[expected]:.1f}")


@needs_browser
def test_an_impossible_budget_says_what_the_cheapest_costs(report, page, tmp_path):
    document, console = browse(report, tmp_path, "goal=0.01")
    assert console == []
    assert row_of(document) == -1
    assert f"the cheapest allocation takes {page.hours(page.seconds).min():.1f} hours" in text_of(document, "verdict")
