import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.tables import parse_rows, read_rows


def test_cells_may_hold_quoted_commas_and_quotes():
    (row,) = parse_rows('a,b\n"x, ""y""",2\n', "t.csv", ["a"], ["b"])
    assert (row.text("a"), row.number_in("b", 0.0, 9.0), row.number) == ('x, "y"', 2.0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n# but remarks\n", "t.csv: table: wanted a header and at least one row, got 0 lines"),
        ("", "table: wanted a header and at least one row, got 0 lines"),
        ('a,b\n"x\ny",2\n', "row 2: wanted cells that end on their line, got unexpected end of data"),
        ('a,b\n"x"y,2\n', "row 2: wanted cells that end on their line, got"),
        ("a,b\n" + "x" * 200_000 + ",2\n", "row 2: wanted cells that end on their line, got field larger than"),
        ("a,b\nx\u2028y,2\n", "row 2: wanted 2 cells, got 1"),
    ],
)
def test_a_table_that_is_none_is_named(text, message):
    with pytest.raises(InputError) as caught:
        parse_rows(text, "t.csv", ["a"], ["b"])
    assert message in str(caught.value)


def test_marks_and_line_ends_of_other_systems_are_read(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n")
    assert [row.cells for row in read_rows(tmp_path / "t.csv", ["a", "b"])] == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("name", ["folder", "x" * 300, "t.csv/t.csv", "nul\0.csv"])
def test_what_cannot_be_opened_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "t.csv").write_bytes(b"\xff")
    for path in (tmp_path / name, tmp_path / "t.csv"):
        with pytest.raises(InputError, match="file: wanted a CSV file"):
            read_rows(path, ["a"])
