import pytest

from cqb_core import InputError
from cqb_net.pilots.sweep import wanted_entries
from cqb_net.study.run import require_affordable
from cqb_pareto import named_prices

PRICES = named_prices("paper-text")


def test_the_cheapest_pilot_bounds_the_budget():
    entries = wanted_entries((0.1, 0.3), 1, None, None)
    require_affordable(entries, PRICES, 0.1054)  # 0.1 P and 0.9 I at 0.006
    with pytest.raises(InputError, match=r"budget: wanted at least 0\.1054 .*or --extrapolate\), got 0\.1"):
        require_affordable(entries, PRICES, 0.1)


def test_pilots_of_full_labels_alone_allow_to_leave_images_unlabelled(tmp_path):
    design = tmp_path / "design.csv"
    design.write_text("full,rest,share,variant,seed\nP,none,0.2,baseline,0\nP,B,0.5,module,0\nP,none,0.5,baseline,0\n")
    require_affordable(wanted_entries((), 1, None, design), PRICES, 0.2)
    with pytest.raises(InputError, match=r"wanted at least 0\.2 "):
        require_affordable(wanted_entries((), 1, None, design), PRICES, 0.19)


def test_a_study_says_so_before_anything_is_trained(refused, scenes, tmp_path):
    out = tmp_path / "study"
    call = ("study", "--data", scenes, "--config", "cqb-net_tiny_scenes", "--out", out)
    assert "wanted at least 0.1 fully labelled images" in refused(*call, "--budget", "0.01")
    assert "--extrapolate" in refused(*call, "--budget", "0.1", "--rows", "Cls2Box")
    assert "got 'X'" in refused(*call, "--budget", "0.1", "--kinds", "I,X")
    assert "--shares: share: wanted a share above 0" in refused(*call, "--budget", "0.1", "--shares", "0,0.5")
    assert not out.exists()


def test_a_class_that_no_image_shows_is_allowed_by_word_only(refused, scenes, tmp_path):
    out = tmp_path / "study"
    call = ("study", "--data", scenes, "--config", "cqb-net_tiny_scenes", "--out", out, "--budget", "0.9")
    call += ("--shares", "0.5", "--rows", "Cls2Box")
    assert "--allow-unseen" in refused(*call)
    (out / "pilots").mkdir(parents=True)
    (out / "pilots" / "runs.csv").write_text("something else\n")
    assert "runs.csv" in refused(*call, "--allow-unseen")
