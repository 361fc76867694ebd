"""Files that are nearly right: whatever is in them, a reader gives a result or an error of ours, and soon.

Each test starts from a valid file and breaks it: fields dropped, doubled or of another type, numbers that are huge,
negative or none, nesting, halves of characters, marks and zeros in the text, and files that end early. How many inputs
are tried is `TRIES` times a profile's scale; `CQB_FUZZ=50` tries fifty times as many.
"""

import copy
import csv
import io
import json
import os
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import cqb_pareto
from cqb_core import Assignment, InputError, assign
from cqb_core.data.audit import audit
from cqb_core.data.images import read_id_map, read_image
from cqb_core.data.panoptic_files import PanopticSplit, parse_split, read_split
from cqb_core.data.panoptic_writing import measure_segments
from cqb_core.labels import Labels
from cqb_core.scenes import SceneStyle, write_scenes
from cqb_net.worklist import plan_allocation

SCALE = int(os.environ.get("CQB_FUZZ", "1"))
TRIES = {"json": 300, "assignment": 300, "plan": 300, "pilots": 300, "prices": 300, "image": 250, "audit": 25}


def trying(kind):
    """Settings of a test: so many inputs, none longer than ten seconds."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=TRIES[kind] * SCALE, deadline=10_000, suppress_health_check=checks)


# What a field may turn into.
DEEP: Any = 1
for _ in range(60):
    DEEP = [DEEP]
STRANGE = [
    None,
    True,
    -1,
    0,
    0.5,
    2**31,
    2**63,
    10**30,
    -(10**400),
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
    "",
    "x",
    "1",
    "\ud800",
    "\x00",
    "\x1b[2J",
    "../../x",
    "/etc/passwd",
    "</script>",
    "[/b]",
    "P" * 5000,
    [],
    {},
    [[]],
    {"a": {}},
    [1, 2, 3],
    DEEP,
]
strange = st.sampled_from(STRANGE) | st.integers() | st.floats() | st.text(max_size=5)


@dataclass
class Change:
    """One thing done to a tree: where (as fractions of the way through its nodes), what, and with which value."""

    where: float
    what: str
    value: Any


changes = st.lists(
    st.builds(Change, st.floats(0, 1, exclude_max=True), st.sampled_from(["put", "drop", "double", "rename"]), strange),
    min_size=1,
    max_size=3,
)


def nodes(tree):
    """Every container of a tree with each of its keys."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from nodes(tree[key])


def changed(tree, done):
    """A copy of a JSON tree after some changes."""
    tree = json.loads(json.dumps(tree))
    for change in done:
        found = list(nodes(tree))
        if not found:
            break
        place, key = found[int(change.where * len(found))]
        if change.what == "put":
            place[key] = copy.deepcopy(change.value)
        elif change.what == "drop":
            del place[key]
        elif isinstance(place, list):
            place.append(place[key])
        elif change.what == "rename":
            place[str(change.value)[:50]] = place.pop(key)
        else:
            place[f"{key}+{key}"] = place[key]
    return tree


DAMAGE = ["none", "none", "none", "bom", "utf-16", "cut", "nul", "crlf", "twice", "nested", "digits", "byte"]


def damaged(text, how, at):
    """The bytes of a text file after damage to the file as a whole; `at` is a place in it from 0 to 1."""
    raw = text.encode("utf-8", "surrogatepass")
    cut = int(at * len(raw))
    return {
        "none": raw,
        "bom": b"\xef\xbb\xbf" + raw,
        "utf-16": text.encode("utf-16", "surrogatepass"),
        "cut": raw[:cut],
        "nul": raw[:cut] + b"\0" + raw[cut:],
        "crlf": raw.replace(b"\n", b"\r\n").replace(b",", b",\r\n", 1),
        "twice": raw + raw,
        "nested": raw[:cut] + b"[" * 100_000 + raw[cut:],
        "digits": raw[:cut] + b"9" * 5000 + raw[cut:],
        "byte": raw[:cut] + bytes([int(at * 255)]) + raw[cut + 1 :],
    }[how]


harm = st.tuples(st.sampled_from(DAMAGE), st.floats(0, 1))


def ours(read):
    """What reading gives, None when it ends in an error of ours; anything else fails the test."""
    try:
        return read()
    except (InputError, cqb_pareto.InputError) as error:
        parts = (error.where, error.field, error.wanted, error.got)
    assert all(parts), parts
    return None


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A data set of two images, its json, and the folder that files under test are written to."""
    root = tmp_path_factory.mktemp("fuzz")
    write_scenes(root, train=2, val=0, style=SceneStyle(size=(40, 48), crowd=0.5), seed=5)
    path = root / "annotations" / "panoptic_train.json"
    return PanopticSplit("train", root / "train", path.with_suffix(""), path), json.loads(path.read_text())


def written(split, content):
    path = split.annotation_file.with_name("fuzzed.json")
    path.write_bytes(content)
    return PanopticSplit(split.name, split.images_dir, split.maps_dir, path)


@trying("json")
@given(changes, harm)
def test_panoptic_json(drawn, done, how):
    split = written(drawn[0], damaged(json.dumps(changed(drawn[1], done)), *how))
    faults = []
    index = ours(lambda: parse_split(split, lambda image_id, fault: faults.append(fault)))
    whole = ours(lambda: read_split(split))
    assert (whole is None) == (index is None or bool(faults))
    if whole is not None:
        assert whole == index
        assert all(s.area > 0 and np.isfinite(s.bbox).all() for entry in whole.entries for s in entry.segments)
        ours(lambda: cqb_pareto.ClassWeights.of(whole.taxonomy.num_things, whole.taxonomy.num_stuff))


@trying("audit")
@given(changes)
def test_an_audit_of_a_panoptic_json(drawn, done):
    split = written(drawn[0], json.dumps(changed(drawn[1], done)).encode("utf-8", "surrogatepass"))
    report = ours(lambda: audit(split))
    if report is not None:
        report.table()
        assert ours(lambda: read_split(split)) is not None or report.faults


@trying("assignment")
@given(changes, harm)
def test_assignment_file(tmp_path_factory, done, how):
    path = tmp_path_factory.getbasetemp() / "labels.json"
    assign(range(6), {Labels.PANOPTIC: 0.5, Labels.BOX | Labels.STUFF: 0.5}, 0, "ab" * 32).write(path)
    path.write_bytes(damaged(json.dumps(changed(json.loads(path.read_text()), done)), *how))
    read = ours(lambda: Assignment.read(path))
    if read is not None:
        assert all(0 <= share <= 1 for share in read.allocation.values())
        assert len(read.labels()) == sum(map(len, read.images.values()))
        read.write(path)
        assert Assignment.read(path) == read


@pytest.fixture(scope="module")
def plan_text(tmp_path_factory):
    made = cqb_pareto.plan(
        cqb_pareto.paper_pilots(), cqb_pareto.named_prices("paper-text"), budget=0.3, images=8, draws=5, seed=0
    )
    return json.loads(cqb_pareto.write_plan(made, tmp_path_factory.mktemp("plan") / "plan.json").read_text())


@trying("plan")
@given(changes, harm)
def test_plan_json(tmp_path_factory, plan_text, done, how):
    path = tmp_path_factory.getbasetemp() / "plan.json"
    small = {**plan_text, "fronts": {name: rows[:2] for name, rows in plan_text["fronts"].items()}}
    path.write_bytes(damaged(json.dumps(changed(small, done)), *how))
    plan = ours(lambda: cqb_pareto.read_plan(path))
    if plan is not None:
        assert sum(plan.counts.values()) == plan.images
        assert all(0 <= share <= 1 for share in plan.allocation.values())
        cqb_pareto.write_plan(plan, path)
        assert cqb_pareto.read_plan(path).counts == plan.counts
        allocation = ours(lambda: plan_allocation(plan, path))
        if allocation is not None:
            ours(lambda: assign(range(8), allocation, 0))


PILOTS = [
    ["run", "full", "rest", "share", "variant", "module", "seed", "pq_th", "pq_st"],
    ["a", "P", "none", "0.1", "baseline", "", "0", "30", "20"],
    ["b", "P", "I", "0.1", "baseline", "", "0", "31", "21"],
    ["c", "P", "I", "0.1", "module", "Cls2Box", "0", "33", "22"],
    ["d", "P", "B+S", "0.1", "upper", "Cls2Box", "1", "35", "25"],
]
PRICES = [
    ["kind", "seconds_per_object", "objects_per_image", "overhead", "overhead_low", "source", "year"],
    ["P", "70", "7", "600", "500", "me", "2026"],
    ["B", "7", "7", "10", "", "me", "2026"],
    ["I", "", "", "7", "", "me", "2026"],
]
CELLS = ["", " ", "-1", "0", "1e308", "1e999", "nan", "inf", "0x10", "1_0", "½", "none", "P", "B+S", "P+P", "+", '"']
CELLS += ["\x00", "\x1b[2J", "a\nb", 'a"b', "#", "=1+1", "x" * 200_000, "\u2028", "<b>", "1" * 5000, "true", "\ufeff"]
cells = st.sampled_from(CELLS) | st.text(max_size=4) | st.floats().map(str) | st.integers().map(str)
edits = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.sampled_from(["put", "drop", "double", "row"]), cells),
    min_size=1,
    max_size=4,
)


def table(rows, done):
    """A CSV after edits of cells and rows."""
    rows = [list(row) for row in rows]
    for row, column, what, value in done:
        row %= len(rows) or 1
        if what == "row" and rows:
            rows.insert(row, list(rows[row])) if value else rows.pop(row)
        elif rows and rows[row]:
            column %= len(rows[row])
            if what == "put":
                rows[row][column] = value
            elif what == "drop":
                del rows[row][column]
            else:
                rows[row].insert(column, rows[row][column])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


@trying("pilots")
@given(edits, harm)
def test_pilot_table(tmp_path_factory, done, how):
    path = tmp_path_factory.getbasetemp() / "pilots.csv"
    path.write_bytes(damaged(table(PILOTS, done), *how))
    read = ours(lambda: cqb_pareto.read_pilots(path))
    if read is not None:
        assert all(0 <= run.share <= 1 and run.seed >= 0 for run in read.runs)
        assert read.branches


@trying("prices")
@given(edits, harm)
def test_price_list(tmp_path_factory, done, how):
    path = tmp_path_factory.getbasetemp() / "prices.csv"
    path.write_bytes(damaged(table(PRICES, done), *how))
    read = ours(lambda: cqb_pareto.read_prices(path))
    if read is not None:
        kinds = list(read.prices)
        assert all(np.isfinite([price.seconds.low, price.seconds.high]).all() for price in read.prices.values())
        assert read.sample(kinds, np.random.default_rng(0), 3).shape == (3, len(kinds))


def encoded(name, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, name, **options)
    return buffer.getvalue()


def huge_png(side, interlace=0):
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, interlace)
    body = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + body + encoded("PNG")[33:]


IMAGES = [
    encoded("PNG"),
    encoded("JPEG"),
    encoded("JPEG", progressive=True),
    encoded("GIF"),
    encoded("BMP"),
    encoded("TIFF"),
    encoded("TIFF", compression="tiff_lzw"),
    encoded("WEBP"),
    encoded("PPM"),
    encoded("JPEG2000"),
    huge_png(60_000),
    huge_png(2**31 - 1, 1),
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
    b"",
]
splices = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12), st.booleans()), max_size=4)


@trying("image")
@given(st.sampled_from(IMAGES), splices, st.floats(0, 1), st.booleans())
def test_image_and_map(tmp_path_factory, image, splice, end, cut):
    content = bytearray(image)
    for at, junk, over in splice:
        place = int(at * len(content))
        content[place : place + len(junk) * over] = junk
    path = tmp_path_factory.getbasetemp() / "fuzzed.img"
    path.write_bytes(content[: int(end * len(content))] if cut else content)
    photo = ours(lambda: read_image(path, (16, 12)))
    assert photo is None or (photo.shape == (12, 16, 3) and photo.dtype == np.uint8)
    ids = ours(lambda: read_id_map(path, (16, 12)))
    if ids is not None:
        assert sum(area for _, area in measure_segments(ids).values()) == np.count_nonzero(ids)
