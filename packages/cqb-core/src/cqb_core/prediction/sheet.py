"""Photographs beside truth and prediction, as one picture."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from cqb_core.prediction.overlay import draw_overlay
from cqb_core.segments import PanopticMap
from cqb_core.taxonomy import Taxonomy

GAP, TITLE = 8, 28
COLUMNS = ("photograph", "ground truth", "prediction")


def draw_sheet(
    photos: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    truths: Sequence[PanopticMap],
    predictions: Sequence[PanopticMap],
    taxonomy: Taxonomy,
    across: int = 1,
) -> UInt8[np.ndarray, "h w 3"]:
    """A row an image: the photograph, its true map and the predicted one, `across` images side by side.

    Args:
        photos: RGB.
        truths: one a photograph.
        predictions: likewise.
        taxonomy: the classes.
        across: images in a row of the sheet.
    """
    cells = [
        _cells(photo, truth, found, taxonomy) for photo, truth, found in zip(photos, truths, predictions, strict=True)
    ]
    width = max(cell.width for row in cells for cell in row) + GAP
    height = max(cell.height for row in cells for cell in row) + GAP
    rows = -(-len(cells) // across)
    sheet = Image.new("RGB", (3 * across * width + GAP, rows * height + TITLE + GAP), "white")
    for place, images in enumerate(cells):
        left, top = place % across * 3 * width + GAP, place // across * height + TITLE
        for column, image in enumerate(images):
            sheet.paste(image, (left + column * width, top))
    _title(ImageDraw.Draw(sheet), across, width)
    return np.asarray(sheet)


def _cells(
    photo: UInt8[np.ndarray, "h w 3"], truth: PanopticMap, found: PanopticMap, taxonomy: Taxonomy
) -> list[Image.Image]:
    drawn = [Image.fromarray(draw_overlay(photo, shown, taxonomy)) for shown in (truth, found)]
    return [Image.fromarray(photo).resize(drawn[0].size, Image.Resampling.BICUBIC), *drawn]


def _title(pen: ImageDraw.ImageDraw, across: int, width: int) -> None:
    font = ImageFont.load_default(size=16)
    for column, name in enumerate(COLUMNS * across):
        pen.text((column * width + GAP, 6), name, "black", font)
