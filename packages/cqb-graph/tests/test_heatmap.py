import io

import pytest
from PIL import Image

from cqb_graph.heatmap import CELL, draw, shade


@pytest.mark.parametrize(
    ("value", "most", "colour"),
    [
        (0.0, 1.0, (255, 255, 255)),
        (2.0, 2.0, (178, 24, 43)),
        (-2.0, 2.0, (33, 102, 172)),
        (0.5, 1.0, (216, 140, 149)),
        (0.0, 0.0, (255,) * 3),
    ],
)
def test_shades(value, most, colour):
    assert shade(value, most) == colour


def test_grows_with_rows_columns_and_names():
    def size(rows, columns):
        png = draw("title", rows, columns, [[1.0] * len(columns)] * len(rows))
        return Image.open(io.BytesIO(png)).size

    names = [f"class {i}" for i in range(20)]
    width, height = size(["a"], names)
    assert size(["a", "b"], names) == (width, height + CELL)
    assert size(["a"], names + ["class 9"]) == (width + CELL, height)
    assert size(["a much longer name"], names)[0] > width
    assert size(["a"], names + ["a much longer name"])[1] > height


def test_the_largest_number_stands_in_its_row_and_column():
    png = draw("t", ["a", "b"], ["x", "y", "z"], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    red = [
        (x, y) for x in range(picture.width) for y in range(picture.height) if picture.getpixel((x, y)) == (178, 24, 43)
    ]
    lines = [
        (x, y)
        for x in range(picture.width)
        for y in range(picture.height)
        if picture.getpixel((x, y)) == (221, 221, 221)
    ]
    left, top = min(x for x, _ in lines), min(y for _, y in lines)
    assert min(red) == (left + CELL + 1, top + CELL + 1)
    assert len(red) == (CELL - 2) ** 2
