import pytest

from cqb_pareto.errors import InputError
from cqb_pareto.prices import Span
from cqb_pareto.registry import published_times


def test_every_entry_has_a_source_and_a_year():
    times = published_times()
    assert len(times) == 20
    assert all(entry.source and 2010 <= entry.year <= 2026 for entry in times.values())


def test_unverified_entries_are_not_offered():
    values = {entry.time.mid for entry in published_times().values()}
    assert values.isdisjoint({20.0, 34.9, 7.7})


def test_prices_per_object_and_per_image():
    times = published_times()
    boxes = times["box-extreme"].price(Span(8.0, 6.0, 10.0), overhead=Span.exactly(4.0))
    assert boxes.seconds == Span(60.0, 46.0, 74.0)
    assert times["panoptic-coco"].price().seconds.mid == 19 * 60


def test_a_ratio_divides_the_time_that_it_is_about():
    times = published_times()
    clicks = times["click-centre"].price(Span.exactly(2.0), than=times["box-ilsvrc"])
    assert clicks.seconds.low == pytest.approx(2 * 35 / 18)
    assert clicks.seconds.high == pytest.approx(2 * 35 / 9)
    assert "Su et al." in clicks.source


def test_what_is_missing_is_named():
    times = published_times()
    with pytest.raises(InputError, match="mask-coco: per_image: wanted the number of times an image needs one object"):
        times["mask-coco"].price()
    with pytest.raises(InputError, match="panoptic-fluid: than: wanted the published time that is meant"):
        times["panoptic-fluid"].price()
