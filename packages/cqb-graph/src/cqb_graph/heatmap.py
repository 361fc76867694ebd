"""A labelled heat map as PNG, drawn with Pillow (the extra `pictures`)."""

import io
from collections.abc import Sequence
from typing import Any

CELL, GAP, TEXT = 24, 6, 12
LOW, MIDDLE, HIGH = (33, 102, 172), (255, 255, 255), (178, 24, 43)
"""Colours of the most negative number, of zero and of the most positive, px sizes of a cell, a gap and the letters."""


def shade(value: float, most: float) -> tuple[int, int, int]:
    """White at zero, red at `most`, blue at -`most`."""
    share = min(1.0, abs(value) / most) if most else 0.0
    end = HIGH if value > 0 else LOW
    red, green, blue = (round(mid + (far - mid) * share) for mid, far in zip(MIDDLE, end, strict=True))
    return red, green, blue


def draw(title: str, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]]) -> bytes:
    """PNG bytes: a cell a number, row names on the left, column names upright on top, the scale below.

    Raises:
        ImportError: Pillow is not installed.
    """
    image_module, draw_module, font = _pillow()
    left = GAP * 2 + round(max(font.getlength(name) for name in rows))
    top = GAP * 4 + TEXT + round(max((font.getlength(name) for name in columns), default=0))
    most = max((abs(value) for row in values for value in row), default=0.0)
    scale = f"white 0, full colour {most:.3g}" + (" (blue: negative)" if any(v < 0 for r in values for v in r) else "")
    width = max(left + CELL * len(columns), round(max(font.getlength(title), font.getlength(scale)))) + 2 * GAP
    picture = image_module.new("RGB", (width, top + CELL * len(rows) + TEXT + GAP * 3), MIDDLE)
    pen = draw_module.Draw(picture)
    pen.text((GAP, GAP), title, fill="black", font=font)
    for place, name in enumerate(columns):
        strip = _upright(image_module, draw_module, font, name)
        picture.paste(strip, (left + CELL * place + (CELL - strip.width) // 2, top - GAP - strip.height))
    for line, (name, numbers) in enumerate(zip(rows, values, strict=True)):
        y = top + CELL * line
        pen.text((left - GAP, y + CELL // 2), name, fill="black", font=font, anchor="rm")
        for place, value in enumerate(numbers):
            x = left + CELL * place
            pen.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=shade(value, most), outline=(221, 221, 221))
    pen.text((GAP, top + CELL * len(rows) + GAP), scale, fill="black", font=font)
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def _upright(image_module: Any, draw_module: Any, font: Any, name: str) -> Any:
    strip = image_module.new("RGB", (round(font.getlength(name)) + 2, TEXT + 4), MIDDLE)
    draw_module.Draw(strip).text((0, 0), name, fill="black", font=font)
    return strip.rotate(90, expand=True)


def _pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise ImportError('a heat map needs Pillow: pip install "cqb-graph[pictures]"') from error
    return Image, ImageDraw, ImageFont.load_default(TEXT)
