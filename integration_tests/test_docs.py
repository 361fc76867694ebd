"""What the pages promise: commands parse, Python runs, links lead somewhere, numbers were measured."""

import ast
import csv
import re
import shlex
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import mean

import pytest
import typer
from PIL import Image
from scipy.stats import spearmanr

from cqb_core.plugins import config_files
from cqb_pareto.paper import table1

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "packages" / "cqb-net" / "docs"
PAGES = [ROOT / "README.md", ROOT / "packages" / "cqb-net" / "README.md", *sorted(DOCS.glob("*.md"))]
PROGRAMS = {"cqb-net": "cqb_net.main", "cqb-pareto": "cqb_pareto.cli.main", "cqb-bench": "cqb_bench.main"}
CONFIG = re.compile(r"(cqb-net|panoptic-cascade)_\w+")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """What stands between two fences of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Call:
    """A command of ours in a block, as a shell splits it, without the program's name."""

    at: str
    program: str
    words: tuple[str, ...]
    fails: bool

    def __str__(self):
        return f"{self.at} {self.program} {' '.join(self.words[:2])}"


def blocks(page, language):
    text = page.read_text()
    found = [(text.count("\n", 0, match.start()) + 1, *match.groups()) for match in FENCE.finditer(text)]
    return [Block(page, line, kind, inside) for line, kind, inside in found if kind == language]


def calls(block):
    """The lines behind a `$`, those that end in a backslash joined with the next; other programs are left out."""
    made = []
    for part in re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        call = ours(shlex.split(line, comments=True))
        made += [] if call is None else [Call(str(block), *call, fails=output.startswith("error: "))]
    return made


def ours(words):
    """Program and arguments, whether it is called by name or as `-m MODULE` by Python or torchrun."""
    if words[0] in PROGRAMS:
        return words[0], tuple(words[1:])
    if "-m" in words:
        module, *rest = words[words.index("-m") + 1 :]
        return next(((program, tuple(rest)) for program, own in PROGRAMS.items() if own == module), None)
    return None


def parse(command, name, words):
    """The command and its context after parsing, which raises what click says of a wrong call."""
    while hasattr(command, "commands"):
        verb = words[0] if words else ""
        assert verb in command.commands, f"{name}: wanted one of {', '.join(command.commands)}, got {verb!r}"
        command, name, words = command.commands[verb], f"{name} {verb}", words[1:]
    return command.make_context(name, list(words))


def slug(heading):
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
    return plain.strip().replace(" ", "-")


def anchors(page):
    """Those of a page; the second of equal headings gets `-1`, and so on."""
    slugs = [slug(heading) for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)]
    counts = [slugs[:place].count(each) for place, each in enumerate(slugs)]
    return {f"{each}-{count}" if count else each for each, count in zip(slugs, counts, strict=True)}


def links(page):
    """Pairs of whether it is an image, and the target; addresses elsewhere are left out."""
    outside = FENCE.sub("", page.read_text())
    return [(bool(bang), to) for bang, to in LINK.findall(outside) if not re.match(r"https?:|mailto:", to)]


CALLS = [call for page in PAGES for block in blocks(page, "console") for call in calls(block)]


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_every_command_parses(call):
    if find_spec(PROGRAMS[call.program].partition(".")[0]) is None:
        pytest.skip(f"{call.program} is not installed")
    app = import_module(PROGRAMS[call.program]).app
    parse(typer.main.get_command(app), call.program, call.words)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_every_config_that_a_command_names_is_installed(call):
    named = {word for word in call.words if CONFIG.fullmatch(word)}
    assert call.fails or named <= set(config_files())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere_and_images_open(page):
    for is_image, target in links(page):
        path, _, anchor = target.partition("#")
        at = (page.parent / path).resolve() if path else page
        assert at.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(at), f"{page.name}: {target}"
        if is_image:
            with Image.open(at) as picture:
                picture.verify()


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_python_in_the_pages_runs(page, tmp_path, monkeypatch):
    """One after the other in one namespace, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(page, "python"):
        exec(compile("\n" * block.line + block.text, str(page), "exec"), names)


def test_every_page_and_package_is_reached_from_the_front_page():
    reached = {(ROOT / target.partition("#")[0]).resolve() for _, target in links(ROOT / "README.md")}
    assert {page.resolve() for page in DOCS.glob("*.md")} <= reached
    packages = {path.parent / "README.md" for path in ROOT.glob("packages/*/pyproject.toml")}
    assert packages <= reached


def test_every_picture_is_shown_on_some_page():
    shown = {(page.parent / target).resolve() for page in PAGES for is_image, target in links(page) if is_image}
    assert {path.resolve() for pattern in ("*.png", "*.gif") for path in DOCS.glob(pattern)} <= shown


@pytest.mark.parametrize("script", ["demo", "test"])
def test_the_two_commands_stand_first(script):
    text = (ROOT / "README.md").read_text()
    assert f"\npip install hatch && hatch run {script}\n" in text
    assert text.index(f"hatch run {script}") < text.index("\n## Packages")


def rows(package, name):
    with (ROOT / "packages" / package / "results" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def average(package, name, column, digits, **where):
    found = [row for row in rows(package, name) if all(row[key] == value for key, value in where.items())]
    return f"{mean(float(row[column]) for row in found):.{digits}f}"


def table2(module, variant, column="pq_th"):
    where = {"module": module, "variant": variant, "share": "0.1"}
    return average("cqb-net", "scenes-table2-pilots", column, 1, **where)


def by_chance(which):
    found = rows("cqb-net", "scenes-trials")
    names = {row["trial"] for row in found if row["trial"].startswith("random")}
    return f"{which(mean(float(row['pq']) for row in found if row['trial'] == name) for name in names):.1f}"


def what_a_fifth_buys():
    """The share of all labels' PQ that the plan for a fifth of their price comes to."""
    planned, full = (
        mean(float(row["pq"]) for row in rows("cqb-net", "scenes-trials") if row["trial"] == trial)
        for trial in ("planned 0.2", "full")
    )
    return f"{planned / full:.0%}".replace("%", " %")


def order_of_the_papers():
    """Rank correlation of our PQ of the paper's allocations with its own."""
    theirs, found = table1(), {row["trial"]: float(row["pq"]) for row in rows("cqb-net", "scenes-trials")}
    pairs = [(pq, found[f"paper {name}"]) for name, pq in zip(theirs.names, theirs.pq, strict=True)]
    return f"{spearmanr(*zip(*pairs, strict=True)).statistic:.2f}"


def compared(task, metric, *methods):
    """The best of some methods with a tenth of full labels."""
    return max(
        (average("cqb-bench", "scenes/bench", metric, 1, task=task, method=m, share="0.1") for m in methods), key=float
    )


MEASURED = {
    "camvid, all labels": lambda: average("cqb-core", "camvid", "PQ", 1, ratio="P=1"),
    "scenes, a tenth": lambda: average("cqb-core", "scenes", "PQ", 1, ratio="P=0.1, none=0.9"),
    "scenes, all labels": lambda: average("cqb-core", "scenes", "PQ", 1, ratio="P=1"),
    "Cls2Box alone, before": lambda: average("cqb-weak", "cls2box", "detector", 2, way="initial"),
    "Cls2Box alone, detached": lambda: average("cqb-weak", "cls2box", "detector", 2, way="detached, refined"),
    "Cls2Box alone, classes": lambda: average("cqb-weak", "cls2box", "detector", 2, way="joint, classes only"),
    "Cls2Box alone, joint": lambda: average("cqb-weak", "cls2box", "detector", 2, way="joint"),
    "Box2Mask alone": lambda: average("cqb-weak", "box2mask", "guarded", 2),
    "Box2Mask, filled boxes": lambda: average("cqb-weak", "box2mask", "filled", 2),
    "Cls2Pixel alone, before": lambda: average("cqb-weak", "cls2pixel", "before", 2),
    "Cls2Pixel alone, after": lambda: average("cqb-weak", "cls2pixel", "segmentation", 2),
    "relation, GFLOPs": lambda: average("cqb-graph", "cost", "gflops", 2, part="modules", form="shared"),
    "relation, times faster": lambda: average("cqb-graph", "cost", "times_faster", 0, part="modules", form="shared"),
    "Table 2, Cls2Box off": lambda: table2("Cls2Box", "baseline"),
    "Table 2, Cls2Box on": lambda: table2("Cls2Box", "module"),
    "Table 2, Box2Mask off": lambda: table2("Box2Mask", "baseline"),
    "Table 2, Box2Mask on": lambda: table2("Box2Mask", "module"),
    "Table 2, Cls2Pixel off": lambda: table2("Cls2Pixel", "baseline", "pq_st"),
    "Table 2, Cls2Pixel on": lambda: table2("Cls2Pixel", "module", "pq_st"),
    "Table 2, Relation off": lambda: table2("Relation th->st", "baseline", "pq_st"),
    "Table 2, Relation on": lambda: table2("Relation th->st", "module", "pq_st"),
    "trials, planned": lambda: average("cqb-net", "scenes-trials", "pq", 1, trial="planned 0.3"),
    "trials, full labels alone": lambda: average("cqb-net", "scenes-trials", "pq", 1, trial="all panoptic 0.3"),
    "trials, worst of chance": lambda: by_chance(min),
    "trials, best of chance": lambda: by_chance(max),
    "trials, all labels": lambda: average("cqb-net", "scenes-trials", "pq", 1, trial="full"),
    "trials, what a fifth buys": what_a_fifth_buys,
    "the paper's allocations": order_of_the_papers,
    "Cls2Box, box AP": lambda: compared("detection", "box_ap", "cls2box"),
    "others, box AP": lambda: compared("detection", "box_ap", "wsddn", "melm"),
    "Cls2Pixel, mIoU": lambda: compared("semantic", "miou", "cls2pixel"),
    "others, mIoU": lambda: compared("semantic", "miou", "cam", "fcn-mil", "advseg"),
    "Box2Mask, mask AP": lambda: compared("instance", "mask_ap", "box2mask"),
    "GrabCut, mask AP": lambda: compared("instance", "mask_ap", "grabcut-faster-rcnn", "grabcut-mask-rcnn"),
    "Mask^X, mask AP": lambda: compared("instance", "mask_ap", "mask-x"),
    "network, GFLOPs": lambda: average("cqb-net", "cost", "difference", 1, measure="inference GFLOPs"),
    "network, time": lambda: average("cqb-net", "cost", "ratio", 2, measure="inference seconds"),
}


MAKERS = {
    "claims": ("cqb-net", "made"),
    "study_modules": ("cqb-net", "table"),
    "compare_methods": ("cqb-bench", "made"),
}
"""Scripts in tools/, the package whose README they write, and what makes a table of it from its name."""


@pytest.mark.parametrize("script", MAKERS)
def test_tables_are_what_the_script_makes_of_the_committed_results(monkeypatch, script):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    package, maker = MAKERS[script]
    make = getattr(import_module(script), maker)
    text = (ROOT / "packages" / package / "README.md").read_text()
    shown = dict(re.findall(r"<!-- table (\S+) -->\n(.*?)<!-- end -->", text, re.DOTALL))
    made = {name: table for name in shown if (table := make(name)) is not None}
    assert len(made) >= 2
    assert {name: shown[name] for name in made} == made


@pytest.mark.parametrize("package", ["cqb-core", "cqb-net", "cqb-pareto"])
def test_the_table_of_scale_is_the_committed_measurement(package):
    text = (ROOT / "packages" / package / "README.md").read_text()
    (shown,) = re.findall(r"<!-- table scale -->\n(.*?)<!-- end -->", text, re.DOTALL)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.strip().splitlines()[2:]]
    columns = ("case", "seconds", "cpu_seconds", "peak_gib", "detail")
    assert lines == [[row[name] for name in columns] for row in rows(package, "scale")]


def test_scale_stays_within_its_limits():
    """At most 4 GiB with an index of COCO's size, which is read within 10 s the second time, and 8 GiB at test."""
    found = {row["case"]: row for row in rows("cqb-core", "scale")}
    tested = {case for case in found if case.startswith("test ")}
    assert len(tested) == 2
    assert all(float(found[case]["peak_gib"]) <= 8 for case in tested)
    indexed = [row for row in found.values() if "118,287" in row["what"]]
    assert len(indexed) == 5
    assert all(float(row["peak_gib"]) <= 4 for row in indexed)
    assert float(found["index, second time"]["seconds"]) <= 10


def test_the_number_of_fuzzed_inputs_is_that_of_the_test():
    source = (ROOT / "integration_tests" / "test_fuzz.py").read_text()
    tries = ast.literal_eval(re.search(r"^TRIES = (\{.*\})$", source, re.MULTILINE)[1])
    assert f"; {sum(tries.values())} inputs in each run" in (ROOT / "packages" / "cqb-net" / "README.md").read_text()


@pytest.mark.parametrize("what", MEASURED)
def test_measured_numbers_of_the_front_page_are_those_of_the_csvs(what):
    table = (ROOT / "README.md").read_text().partition("## The paper, item by item")[2]
    assert re.search(rf"(?<![\d.]){re.escape(MEASURED[what]())}(?![\d.]*\d)", table), (what, MEASURED[what]())
