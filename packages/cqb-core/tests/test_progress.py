import pytest

from cqb_core.progress import duration, reporting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1:00 min"), (3599.0, "59:59 min")]
    + [(3600.0, "1:00 h"), (7620.0, "2:07 h")],
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_without_a_terminal_there_is_one_line_at_the_end(capsys):
    with reporting("draw") as report:
        report(1, 3)
        report(3, 3)
        assert capsys.readouterr().err == ""
    out, err = capsys.readouterr()
    assert err == "draw: 3 of 3 in 0.0 s\n"
    assert out == ""


def test_nothing_is_shown_when_told_so(capsys):
    with reporting("draw", show=False) as report:
        report(1, 1)
    assert capsys.readouterr() == ("", "")


def test_no_line_claims_what_failed(capsys):
    with pytest.raises(KeyError), reporting("draw") as report:
        report(1, 2)
        raise KeyError
    assert capsys.readouterr().err == ""
