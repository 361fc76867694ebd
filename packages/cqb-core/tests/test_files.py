import errno
import stat

import pytest

from cqb_core.errors import InputError
from cqb_core.files import read_json, replacing, require_writable, unfinished, write_text


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


def test_a_full_disk_is_named_with_the_file(tmp_path):
    path = tmp_path / "a.json"
    write_text(path, "old")
    said = r"a\.json: disk: wanted room to write it, got No space left on device"
    with pytest.raises(InputError, match=said), replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "x")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_errors_of_the_system_pass(tmp_path):
    with pytest.raises(OSError, match="Input/output"), replacing(tmp_path / "a"):
        raise OSError(5, "Input/output error")


def test_what_a_kill_leaves_is_found_by_its_name(tmp_path):
    for name in ("epoch_1.pth", ".hidden", ".bashrc_old", "a.abcdefgh.pth"):
        (tmp_path / name).write_text("x")
    left = []
    for name in ("epoch_1.pth", "last_checkpoint"):
        with replacing(tmp_path / name) as temporary:
            left.append(temporary.rename(temporary.with_name(temporary.name)).name)
            assert unfinished(tmp_path) == [temporary]
            temporary.write_text("y")
    assert unfinished(tmp_path) == []
    (tmp_path / left[0]).write_text("x")
    assert [path.name for path in unfinished(tmp_path)] == [left[0]]
