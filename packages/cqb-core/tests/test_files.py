import stat

import pytest

from cqb_core.errors import InputError
from cqb_core.files import read_json, replacing, require_writable, write_text


def test_a_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyError

    pytest.raises(KeyError, fail)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    write_text(tmp_path / "ours", "x")
    (tmp_path / "ordinary").write_text("x")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)


def test_text_is_utf8(tmp_path):
    write_text(tmp_path / "a", "Straße")
    assert (tmp_path / "a").read_bytes() == "Straße".encode()


def test_a_folder_cannot_be_written_as_a_file(tmp_path):
    with pytest.raises(InputError) as caught:
        write_text(tmp_path, "x")
    assert str(caught.value) == f"{tmp_path}: file: wanted a file to write, got a folder"


def test_a_file_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError) as caught:
        require_writable(tmp_path / "file" / "deeper" / "a.json")
    assert f"folder: wanted a folder to write into, got the file {tmp_path / 'file'}" in str(caught.value)


def test_asking_whether_a_file_can_be_written_does_not_write_it(tmp_path):
    require_writable(tmp_path / "new" / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": }', "line 1 column 7: wanted JSON, got "),
        (b'{"a":\n \n', "line 3 column 1: wanted JSON, got "),
        (b'{"a": "\xff"}', "byte 7: wanted UTF-8 text, got invalid start byte"),
        (b"", "line 1 column 1: wanted JSON, got "),
    ],
)
def test_broken_json_is_named_by_place(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_missing_json_and_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="file: wanted a JSON file, got no such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(InputError, match="file: wanted a JSON file, got a folder"):
        read_json(tmp_path)
