from dataclasses import replace

import pytest

from cqb_pareto.confidence import Band
from cqb_pareto.pilots import paper_pilots
from cqb_pareto.prices import named_prices
from cqb_pareto.report.words import _band, _images, plan_lines, told
from cqb_pareto.study import plan


@pytest.mark.parametrize(
    ("band", "digits", "text"),
    [
        (Band(41.26, 40.0, 42.34), 1, "41.3 (40.0 to 42.3)"),
        (Band(0.3, 0.3, 0.3), 4, "0.3000"),
        (Band(919.999999, 919.999998, 920.000001), 1, "920.0"),
        (Band(0.3, 0.3, 0.36), 1, "0.3 (0.3 to 0.4)"),
    ],
)
def test_a_band_is_shown_when_its_ends_differ_as_printed(band, digits, text):
    assert _band(band, digits) == text


def test_one_image_is_not_images():
    assert [_images(n, "S") for n in (0, 1, 2)] == ["0 images S", "1 image S", "2 images S"]


def test_a_terminal_is_told_the_notes_after_the_plan():
    made = plan(paper_pilots(), named_prices("paper-text"), budget=0.3, kinds=("P", "I", "B", "S"), draws=10)
    noted = replace(made, notes=["first", "second"])
    assert told(noted) == [*plan_lines(made), "Note: first", "Note: second"]
