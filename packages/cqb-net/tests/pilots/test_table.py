import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqb_core import InputError
from cqb_net.pilots.table import AppendedTable

COLUMNS = ("key", "error")


def test_rows_are_there_again(tmp_path):
    path = tmp_path / "t.csv"
    AppendedTable(path, COLUMNS).append({"key": 1, "error": 'two\n lines, "quoted"'})
    assert path.read_text() == 'key,error\n1,"two lines, ""quoted"""\n'
    table = AppendedTable(path, COLUMNS)
    assert table.rows == [{"key": "1", "error": 'two lines, "quoted"'}]
    table.append({"key": 2, "error": ""})
    assert [row["key"] for row in AppendedTable(path, COLUMNS).rows] == ["1", "2"]


def test_nothing_is_written_before_the_first_row(tmp_path):
    assert AppendedTable(tmp_path / "t.csv", COLUMNS).rows == []
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=4),
    cut=st.integers(1, 40),
)
def test_a_table_cut_off_anywhere_keeps_its_whole_rows(tmp_path_factory, rows, cut):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    table = AppendedTable(path, COLUMNS)
    for key, error in rows:
        table.append({"key": key, "error": error})
    content = path.read_bytes()
    header = len("key,error\n")
    size = max(header, len(content) - cut)
    path.write_bytes(content[:size])
    whole = content[:size].count(b"\n") - 1
    assert AppendedTable(path, COLUMNS).rows == table.rows[:whole]
    assert path.read_bytes() == content[: content[:size].rfind(b"\n") + 1]


def test_a_dropped_row_is_told(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("key,error\n1,fine\n2,cut o")
    AppendedTable(path, COLUMNS)
    assert capsys.readouterr().err == f"{path}: row 3 was cut off, and is dropped: '2,cut o'\n"
    path.write_text("key,error\n1,fine\n2\n")
    assert len(AppendedTable(path, COLUMNS).rows) == 1
    assert path.read_text() == "key,error\n1,fine\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "header: wanted key,error, got nothing"),
        ("key,other\n", "header: wanted key,error, got key,other"),
        ("key,error\n1\n2,x\n", "row 2: wanted 2 cells, got 1"),
    ],
)
def test_another_table_is_refused(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        AppendedTable(path, COLUMNS)
    assert str(caught.value) == f"{path}: {message}"
    assert path.read_text() == content


def test_a_row_has_the_columns(tmp_path):
    with pytest.raises(ValueError, match="row: wanted columns key, error, got key"):
        AppendedTable(tmp_path / "t.csv", COLUMNS).append({"key": 1})


def test_a_full_disk_leaves_the_table_as_it_was(tmp_path):
    """A limit on the size of files stands for the full disk; it holds for the process, so for one of its own."""
    path = tmp_path / "t.csv"
    AppendedTable(path, COLUMNS).append({"key": 1, "error": "fine"})
    before = path.read_bytes()
    code = (
        "import resource, signal, sys, pathlib\n"
        "from cqb_net.pilots.table import AppendedTable\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"table = AppendedTable(pathlib.Path({str(path)!r}), {COLUMNS!r})\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 5}, {len(before) + 5}))\n"
        "table.append({'key': 2, 'error': 'x' * 100})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"InputError: {path}: row: wanted room for it on the disk" in done.stderr
    assert path.read_bytes() == before


def test_every_row_is_flushed_to_disk(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr("os.fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_size))
    table = AppendedTable(tmp_path / "t.csv", COLUMNS)
    table.append({"key": 1, "error": ""})
    table.append({"key": 2, "error": ""})
    assert flushed[-2:] == [len("key,error\n1,\n"), len("key,error\n1,\n2,\n")]
