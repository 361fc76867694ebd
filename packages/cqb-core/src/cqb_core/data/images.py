"""Image files and id maps as arrays: whatever a camera or tool has written, or an error that says why not."""

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Integer, UInt8
from PIL import Image, ImageChops, ImageFile, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base as ExifTag

from cqb_core.errors import InputError
from cqb_core.files import replacing

MAX_ID = 256**3 - 1
"""The largest segment id that three bytes hold."""

DECODE_ERRORS = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged bytes."""

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What is read, whatever a file's suffix says. Pillow knows more, and hands some of it to other programs (EPS)."""

JPEG_QUALITY = 95


def read_image(
    path: str | PathLike[str], size: tuple[int, int] | None = None, within: str | PathLike[str] | None = None
) -> UInt8[np.ndarray, "h w 3"]:
    """An image as RGB; transparency is dropped, grey is repeated, 16 bits are scaled to 8, of an animation the first
    frame is taken.

    The camera's orientation (EXIF) is applied when the turned image has the expected size and ignored when only the
    stored one has it: data sets differ in whether their annotations were drawn on turned images.

    Args:
        path: one of `FORMATS`.
        size: width and height that the annotations are for; None takes any size and applies the orientation.
        within: folder that the file lies in once links are followed; None takes any place.

    Raises:
        InputError: when the file is missing, no file or image, damaged, too large to be true, of another size, or
            outside of `within`, before anything of it is read.
    """
    with _opened(path, within) as image:
        _require_size(path, size, image.size, image.size[::-1])
        orientation = image.getexif().get(ExifTag.Orientation, 1)
        turned = image.size[::-1] if orientation in (5, 6, 7, 8) else image.size
        _require_size(path, size, image.size, turned)
        return _rgb(path, image, upright=size in (None, turned))


def read_id_map(
    path: str | PathLike[str], size: tuple[int, int] | None = None, within: str | PathLike[str] | None = None
) -> Int32[np.ndarray, "h w"]:
    """The segment ids R + 256 G + 65536 B of a panoptic PNG.

    Args:
        path: a PNG with three or four channels of 8 bits; the fourth is ignored.
        size: the expected width and height; None takes any.
        within: see `read_image`.

    Raises:
        InputError: when the file is missing, damaged, of another format (a palette, grey, JPEG), of another size, or
            outside of `within`.
    """
    with _opened(path, within) as image:
        coding = _raw_mode(image)
        if image.format != "PNG" or coding not in ("RGB", "RGBA"):
            got = f"{image.format} of mode {image.mode if coding == image.mode else f'{image.mode} ({coding})'}"
            raise InputError(path, "format", "an RGB PNG with 8 bits a channel (id = R + 256 G + 65536 B)", got)
        _require_size(path, size, image.size)
        width, height = image.size
        # Pillow keeps RGB as four bytes a pixel; taking them as they lie is three times faster than an h w 3 array.
        words = np.frombuffer(image.tobytes("raw", "RGBX" if image.mode == "RGB" else "RGBA"), "<u4")
        return (words & MAX_ID).astype(np.int32).reshape(height, width)


def write_image(path: str | PathLike[str], image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write RGB as JPEG (quality 95) or PNG, as the suffix says; the file appears whole or not at all."""
    with replacing(path) as temporary:
        Image.fromarray(image).save(temporary, quality=JPEG_QUALITY)


def write_id_map(path: str | PathLike[str], ids: Integer[np.ndarray, "h w"]) -> None:
    """Write segment ids as an RGB PNG (id = R + 256 G + 65536 B); the file appears whole or not at all.

    Raises:
        ValueError: when an id is negative or above `MAX_ID`.
    """
    if ids.size and not (ids.min() >= 0 and ids.max() <= MAX_ID):
        raise ValueError(f"segment ids must lie in 0..{MAX_ID}, got {ids.min()}..{ids.max()}")
    rgb = np.ascontiguousarray(ids.astype("<u4")).view(np.uint8).reshape(*ids.shape, 4)[..., :3]
    with replacing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(rgb)).save(temporary, format="PNG")


def image_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height as stored, from the header alone.

    Raises:
        InputError: when the file is missing, no image or too large to be true.
    """
    with _opened(path) as image:
        return image.size


def require_within(path: str | PathLike[str], folder: str | PathLike[str]) -> None:
    """Check that a file lies in a folder once links are followed; the folder itself may be one.

    Raises:
        InputError: naming where the file really is.
    """
    wanted = f"a file inside {folder}"
    try:
        place = Path(path).resolve()
        inside = place.is_relative_to(Path(folder).resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(path, "file", wanted, error) from None
    if not inside:
        raise InputError(path, "file", wanted, f"a link to {place}")


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def _opened(path: str | PathLike[str], within: str | PathLike[str] | None = None) -> Iterator[Image.Image]:
    """The image at `path`, not yet decoded; what goes wrong in the block becomes an InputError about the file."""
    if within is not None:
        require_within(path, within)
    try:
        # Opening a pipe would wait for a writer that never comes.
        if not (stat.S_ISREG(kind := Path(path).stat().st_mode) or stat.S_ISDIR(kind)):
            raise InputError(path, "file", "an image", "a pipe, socket or device")
        with Image.open(path, formats=_formats()) as image:
            yield image
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(path, "file", "an image", "no such file") from None
    except IsADirectoryError:
        raise InputError(path, "file", "an image", "a folder") from None
    except UnidentifiedImageError:
        empty = Path(fspath(path)).stat().st_size == 0
        raise InputError(path, "file", "an image", "an empty file" if empty else "no image format we know") from None
    except Image.DecompressionBombError as error:
        raise InputError(path, "size", f"at most {2 * (Image.MAX_IMAGE_PIXELS or 0)} pixels", error) from None
    except DECODE_ERRORS as error:
        raise InputError(path, "content", "an image that can be decoded", error or type(error).__name__) from error


def _raw_mode(image: Image.Image) -> str:
    """How the pixels lie in the file; Pillow's modes have 8 bits a channel even where the file has 16."""
    return str(image.tile[0][3]) if isinstance(image, ImageFile.ImageFile) and image.tile else image.mode


def _require_size(path: str | PathLike[str], size: tuple[int, int] | None, *stored: tuple[int, int]) -> None:
    if size is not None and size not in stored:
        raise InputError(path, "size", f"{size[0]}x{size[1]} (width x height)", f"{stored[0][0]}x{stored[0][1]}")


def _rgb(path: str | PathLike[str], image: Image.Image, upright: bool) -> UInt8[np.ndarray, "h w 3"]:
    # Pillow takes every CMYK JPEG for Adobe's, which stores ink inverted; one without Adobe's marker is not.
    plain_ink = image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info
    if upright:
        image = ImageOps.exif_transpose(image)
    image.load()
    image.info.pop("transparency", None)
    if image.mode == "F":
        raise InputError(path, "pixels", "8 or 16 bits a channel", "floating-point numbers")
    if image.mode.startswith("I"):
        return _from_grey16(path, np.asarray(image))
    return np.array((ImageChops.invert(image) if plain_ink else image).convert("RGB"))


def _from_grey16(path: str | PathLike[str], grey: Integer[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    values = grey.astype(np.int64)
    if values.size and not (values.min() >= 0 and values.max() < 65536):
        raise InputError(path, "pixels", "8 or 16 bits a channel", f"values from {values.min()} to {values.max()}")
    return np.repeat(((values + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)
