import io
import os
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from cqb_core.data.images import image_size, read_id_map, read_image, write_id_map, write_image
from cqb_core.errors import InputError

ORIENTATION = 0x0112


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, color, rows=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def save(tmp_path):
    def write(image, name="image.png", **options):
        path = tmp_path / name
        path.write_bytes(image) if isinstance(image, bytes) else image.save(path, **options)
        return path

    return write


@pytest.mark.filterwarnings("error")
def test_reads_grey_palette_transparent_and_bilevel(save):
    grey = Image.fromarray(np.array([[0, 90, 255]], np.uint8))
    expected = np.repeat(np.array([[0, 90, 255]], np.uint8)[..., None], 3, 2)
    np.testing.assert_array_equal(read_image(save(grey), (3, 1)), expected)
    np.testing.assert_array_equal(read_image(save(grey.convert("LA"))), expected)
    np.testing.assert_array_equal(read_image(save(grey.convert("1", dither=0)))[0, :, 0], [0, 0, 255])
    palette = Image.fromarray(np.array([[1, 0]], np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 200, 100, 50])
    for options in ({}, {"transparency": b"\x10\x80"}):
        np.testing.assert_array_equal(read_image(save(palette, **options)), [[[200, 100, 50], [10, 20, 30]]])
    clear = Image.fromarray(np.array([[[9, 8, 7, 0]]], np.uint8))
    np.testing.assert_array_equal(read_image(save(clear)), [[[9, 8, 7]]])


def test_scales_16_bits_instead_of_clipping(save):
    grey = np.array([[0, 128, 129, 257, 40000, 65535]], np.uint16)
    read = read_image(save(Image.fromarray(grey)))
    np.testing.assert_array_equal(read[0, :, 1], [0, 0, 1, 1, 156, 255])
    assert read.shape == (1, 6, 3)
    rgb = png(2, 1, 16, 2, b"\x00" + struct.pack(">6H", 0, 40000, 65535, 256, 513, 30000))
    np.testing.assert_array_equal(read_image(save(rgb)), [[[0, 156, 255], [1, 2, 117]]])


def test_refuses_floating_point_pixels(save):
    with pytest.raises(InputError, match="8 or 16 bits a channel, got floating-point"):
        read_image(save(Image.fromarray(np.zeros((2, 2), np.float32)), "image.tiff"))
    with pytest.raises(InputError, match="8 or 16 bits a channel, got values from -1 to 70000"):
        read_image(save(Image.fromarray(np.array([[-1, 70000]], np.int32)), "image.tiff"))


def without_adobe_marker(jpeg):
    start = jpeg.index(b"\xff\xee")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


def test_reads_ink_with_and_without_adobes_inversion(save):
    ink = Image.new("CMYK", (8, 8), (0, 200, 200, 30))
    buffer = io.BytesIO()
    ink.save(buffer, "JPEG", quality=100)
    adobe = read_image(save(buffer.getvalue(), "adobe.jpg"))
    np.testing.assert_allclose(adobe[4, 4], np.array(ink.convert("RGB"))[4, 4], atol=4)
    plain = read_image(save(without_adobe_marker(buffer.getvalue()), "plain.jpg"))
    inverse = Image.new("CMYK", (8, 8), (255, 55, 55, 225)).convert("RGB")
    np.testing.assert_allclose(plain[4, 4], np.array(inverse)[4, 4], atol=4)


def turned(save, orientation):
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return image, save(Image.fromarray(image), exif=exif)


def test_applies_the_orientation_that_the_expected_size_asks_for(save):
    image, path = turned(save, 6)
    upright = np.rot90(image, -1)
    np.testing.assert_array_equal(read_image(path), upright)
    np.testing.assert_array_equal(read_image(path, (1, 3)), upright)
    np.testing.assert_array_equal(read_image(path, (3, 1)), image)
    with pytest.raises(InputError, match=r"image\.png: size: wanted 3x2 \(width x height\), got 3x1"):
        read_image(path, (3, 2))


@pytest.mark.parametrize(("orientation", "quarter_turns"), [(5, None), (6, -1), (7, None), (8, 1)])
def test_every_turn_is_known_by_its_size(save, orientation, quarter_turns):
    image, path = turned(save, orientation)
    read = read_image(path, (1, 3))
    if quarter_turns is not None:
        np.testing.assert_array_equal(read, np.rot90(image, quarter_turns))


def test_a_mirror_that_keeps_the_size_is_undone(save):
    image, path = turned(save, 2)
    np.testing.assert_array_equal(read_image(path, (3, 1)), image[:, ::-1])


def test_a_turned_size_needs_an_orientation(save):
    with pytest.raises(InputError, match=r"wanted 2x5 \(width x height\), got 5x2"):
        read_image(save(Image.new("RGB", (5, 2))), (2, 5))


def noise_bytes(suffix):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(buffer, suffix)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file: wanted an image, got an empty file"),
        (b"<html>not found</html>", "file: wanted an image, got no image format we know"),
        (noise_bytes("PNG")[:3000], "content: wanted an image that can be decoded, got"),
        (noise_bytes("JPEG")[:3000], "content: wanted an image that can be decoded, got image file is truncated"),
        (png(8, 8, 8, 2, b"\x00" * 20), "content: wanted an image that can be decoded"),
        (noise_bytes("PNG")[:60] + b"\x00\x11" * 40 + noise_bytes("PNG")[140:], "content: wanted an image that"),
        (png(60000, 60000, 8, 2), "size: wanted at most"),
    ],
)
def test_bad_files_are_named(save, content, message):
    path = save(content, "bad.img")
    for read in (read_image, read_id_map):
        with pytest.raises(InputError) as caught:
            read(path)
        if read is read_image or "JPEG" not in str(caught.value):
            assert message in str(caught.value)
        assert caught.value.where == str(path)


def test_missing_files_and_folders_are_named(tmp_path):
    for read in (read_image, read_id_map, image_size):
        with pytest.raises(InputError, match=r"gone\.png: file: wanted an image, got no such file"):
            read(tmp_path / "gone.png")
        with pytest.raises(InputError, match="file: wanted an image, got a folder"):
            read(tmp_path)


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(8, 400))
def test_damage_is_always_an_input_error(tmp_path_factory, junk, at):
    path = tmp_path_factory.getbasetemp() / "junk.img"
    for content in (noise_bytes("PNG"), noise_bytes("JPEG")):
        path.write_bytes(content[:at] + junk + content[at + len(junk) :])
        with suppress(InputError):
            assert read_image(path).shape[2] == 3


def test_the_size_is_compared_before_anything_is_decoded(save):
    with pytest.raises(InputError, match="size: wanted 9x8"):
        read_image(save(png(8, 8, 8, 2, b"")), (9, 8))


def test_image_size_reads_the_header_alone(save):
    assert image_size(save(png(31, 17, 8, 2, b"broken"))) == (31, 17)


def test_id_map_of_hand_drawn_colours(save):
    rgb = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 0, 0], [255, 255, 255], [3, 2, 1]]], np.uint8)
    expected = [[1, 256, 65536], [0, 2**24 - 1, 3 + 512 + 65536]]
    for image in (Image.fromarray(rgb), Image.fromarray(rgb).convert("RGBA")):
        ids = read_id_map(save(image), (3, 2))
        np.testing.assert_array_equal(ids, expected)
        assert ids.dtype == np.int32
        assert ids.flags.writeable


@pytest.mark.parametrize(
    ("mode", "name", "got"),
    [("P", "m.png", "PNG of mode P"), ("L", "m.png", "PNG of mode L"), ("RGB", "m.jpg", "JPEG of mode RGB")],
)
def test_id_map_wants_an_rgb_png(save, mode, name, got):
    with pytest.raises(InputError, match=f"{name}: format: wanted an RGB PNG .*, got {got}"):
        read_id_map(save(Image.new(mode, (4, 4)), name))


def test_id_map_refuses_16_bits_a_channel_and_other_sizes(save):
    with pytest.raises(InputError, match=r"got PNG of mode RGB \(RGB;16B\)"):
        read_id_map(save(png(1, 1, 16, 2, b"\x00" * 7)))
    with pytest.raises(InputError, match=r"size: wanted 4x3 \(width x height\), got 3x4"):
        read_id_map(save(Image.new("RGB", (3, 4))), (4, 3))


@settings(deadline=None)
@given(arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2**24 - 1)))
def test_id_maps_come_back_as_written(tmp_path_factory, ids):
    path = tmp_path_factory.getbasetemp() / "maps" / "m.png"
    write_id_map(path, ids)
    np.testing.assert_array_equal(read_id_map(path, ids.shape[::-1]), ids)


@pytest.mark.parametrize("bad", [-1, 2**24])
def test_ids_beyond_24_bits_are_not_written(tmp_path, bad):
    with pytest.raises(ValueError, match=rf"0\.\.16777215, got .*{bad}"):
        write_id_map(tmp_path / "m.png", np.array([[0, bad]]))
    assert list(tmp_path.iterdir()) == []


def test_write_image_keeps_png_exactly_and_jpeg_nearly(tmp_path):
    ramp = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    write_image(tmp_path / "a.png", ramp)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), ramp)
    write_image(tmp_path / "a.jpg", ramp)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - ramp).mean() < 3


def test_of_an_animation_the_first_frame_is_taken(save):
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    for name in ("a.gif", "a.png", "a.webp"):
        options = {"lossless": True} if name == "a.webp" else {}
        path = save(frames[0], name, save_all=True, append_images=frames[1:], **options)
        assert (read_image(path, (4, 3)) == [255, 0, 0]).all()


def test_what_pillow_hands_to_another_program_is_not_opened(save, tmp_path, monkeypatch):
    """Pillow runs Ghostscript on EPS, whatever the suffix says; here a program of that name leaves a trace."""
    trace, program = tmp_path / "ran", tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    path = save(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n", "photo.jpg")
    with pytest.raises(InputError, match=r"photo\.jpg: file: wanted an image, got no image format we know"):
        read_image(path)
    assert not trace.exists()
    with suppress(OSError), Image.open(path) as image:
        image.load()
    assert trace.exists()


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.png")
    for read in (read_image, read_id_map, image_size):
        with pytest.raises(InputError, match=r"p\.png: file: wanted an image, got a pipe, socket or device"):
            read(tmp_path / "p.png")


def test_a_link_out_of_the_folder_is_refused_before_it_is_read(save, tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    secret = save(Image.new("RGB", (4, 3)), "secret.png")
    (folder / "a.png").symlink_to(secret)
    (folder / "b.png").symlink_to("a.png")
    (folder / "loop.png").symlink_to("loop.png")
    for read in (read_image, read_id_map):
        for name in ("a.png", "b.png"):
            with pytest.raises(InputError) as caught:
                read(folder / name, (4, 3), folder)
            assert str(caught.value) == f"{folder / name}: file: wanted a file inside {folder}, got a link to {secret}"
        with pytest.raises(InputError, match=r"loop\.png: file: wanted "):
            read(folder / "loop.png", (4, 3), folder)


def test_links_within_the_folder_and_to_it_are_followed(save, tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "a.png").write_bytes(save(Image.new("RGB", (4, 3))).read_bytes())
    (folder / "b.png").symlink_to("a.png")
    (tmp_path / "linked").symlink_to(folder)
    assert read_image(folder / "b.png", within=folder).shape == (3, 4, 3)
    assert read_id_map(tmp_path / "linked" / "b.png", (4, 3), tmp_path / "linked").shape == (3, 4)
